"""Worker processes on one machine: what they play, what they listen to, how they end."""

import os
import re
import shutil
import signal

import numpy as np
import pytest
import ray
from helpers import PROJECT, assert_refused, run_code, run_here
from helpers.processes import Run, command, listening, workers

from scripts import train
from starter import Problem
from starter.environments.environment import load
from starter.storage import checkpoint
from starter.workers import pipelined_dqn, session

QUIET = ["--render", "none", "--episodes", 1, "--output"]
SIMULATOR = """
import os
import gymnasium
from gymnasium.envs.classic_control import CartPoleEnv

class Simulator(CartPoleEnv):
    def step(self, action):
        if os.path.exists(__file__ + ".fail"):
            raise OSError("no license")
        return super().step(action)

    def close(self):
        open(f"{__file__}.{os.getpid()}", "a").write("closed ")

gymnasium.register("Simulator-v0", Simulator, max_episode_steps=50)
"""


@pytest.mark.slow
def test_two_runs_at_once_with_the_same_seed_are_the_same_and_listen_on_loopback(tmp_path):
    long = tmp_path / ("x" * 60)  # too long for the path of a socket
    long.mkdir()
    flags = ["--workers", 2, "--iterations", 3, "--seed", 3, *QUIET]
    # No Ray is at that address, so a run that used it would fail.
    other = {"HOME": long, "TMPDIR": long, "RAY_ADDRESS": "192.0.2.1:6379"}
    with Run(*flags, tmp_path / "1") as one, Run(*flags, tmp_path / "2", **other) as two:
        for run in (one, two):
            run.wait_for_iteration(1)
            pids = run.processes()
            if shutil.which("ss"):
                addresses = listening(pids)
                assert len(addresses) >= 5  # this process, Ray's two servers, two workers
                hosts = {address.rpartition(":")[0] for address in addresses}
                assert hosts <= {"127.0.0.1", "[::ffff:127.0.0.1]", "[::1]"}
            assert len(workers(pids)) == 2
        figures = []
        for run in (one, two):
            assert run.end() == 0 and run.errors == []
            assert run.iterations() == {1: 4096, 2: 8192, 3: 12288}  # as many as without workers
            figures.append([line for line in run.lines if not line.startswith("saved")])
    assert figures[0] == figures[1]
    assert list(long.iterdir()) == []


@pytest.mark.slow
def test_a_worker_dies_and_comes_back_then_the_run_is_resumed_and_killed(tmp_path):
    flags = ["--stop-reward", 1e9, "--iterations", 1000, *QUIET, tmp_path]
    with Run(*flags, "--workers", 2, "--seed", 3) as run:
        run.wait_for_iteration(1)
        pids = run.processes()
        os.kill(workers(pids)[0], signal.SIGKILL)
        run.wait_for_error("is gone; training continues with 1 of 2")
        run.wait_for_error("is back; training continues with 2 of 2")
        run.interrupt()
        assert run.end() == 0, "".join(run.errors)
        last = max(run.iterations())
        assert run.iterations() == {number: 4096 * number for number in range(1, last + 1)}
    trained = checkpoint.newest(tmp_path / "latest").training()[1]["algorithm"]
    assert trained["counters"]["num_env_steps_sampled"] == 4096 * last

    with Run(*flags, "--workers", 1, "--resume") as run:
        run.wait_for_iteration(last + 1)
        pids = run.processes()
        left = re.search(r"/tmp/ray-\w+", " ".join(map(command, pids)))[0]
        run.process.kill()
        assert run.end() == -signal.SIGKILL  # all its processes end with it
        assert min(run.iterations()) == last + 1
    shutil.rmtree(left)  # nobody could


@pytest.mark.slow
def test_the_workers_environments_are_closed_after_an_error_too(tmp_path):
    (tmp_path / "simulator.py").write_text(SIMULATOR)
    flags = ["--env", tmp_path / "simulator.py:Simulator-v0", "--workers", 2, "--iterations", 1000]
    with Run(*flags, *QUIET, tmp_path / "runs") as run:
        run.wait_for_iteration(1)
        pids = workers(run.processes())
        (tmp_path / "simulator.py.fail").touch()
        assert run.end() == 1
        assert "OSError: no license" in run.errors[0]
    for pid in pids:
        assert (tmp_path / f"simulator.py.{pid}").read_text() == 16 * "closed "


@pytest.mark.slow
def test_no_two_workers_play_the_same_and_training_needs_one(monkeypatch):
    previous = signal.getsignal(signal.SIGTERM)
    session.start(2)
    algorithm = train.configure(0, load("LunarLander-v2"), 2).build()
    algorithm.train()
    assert algorithm._counters["num_env_steps_trained"] == 16 * (4096 - 512)  # as without workers
    observations = [ray.get(request)["obs"] for _, request in algorithm._requests]
    assert len(np.unique(np.concatenate(observations), axis=0)) == 2 * 512
    monkeypatch.setattr(pipelined_dqn, "PATIENCE", 1)
    for actor in algorithm.workers.remote_workers():
        ray.kill(actor)
    with pytest.raises(Problem, match="no worker process is left"):
        algorithm.train()
    session.stop()
    signal.signal(signal.SIGTERM, previous)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--address", "auto"], "--address needs workers"),
        (["--address", "ray://a:1", "--workers", 1], "takes auto or HOST:PORT, not ray://a:1"),
        (["--address", "auto", "--workers", 1], "no Ray cluster was started on this machine"),
        (["--address", "127.0.0.1:9", "--workers", 1], "no Ray answers at"),
    ],
)
def test_an_address_that_is_of_no_use(flags, words, tmp_path):
    done = run_here(train.train, *flags, "--output", tmp_path / "runs", RAY_TMPDIR=tmp_path)
    assert_refused(done, words)
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_the_lines_that_switch_to_ape_x_run():
    text = (PROJECT / "docs" / "cluster.md").read_text("utf-8")
    done = run_code(re.search(r"^```python\n(.*?)^```", text, re.M | re.S)[1])
    assert done.returncode == 0, done.stderr
    numbers = re.findall(r"^(\d+) played, (\d+) replayed, -?\d", done.stdout, re.M)
    (played, _), (more, replayed) = numbers
    assert int(more) >= int(played) + 4096
    assert int(replayed) > 0
