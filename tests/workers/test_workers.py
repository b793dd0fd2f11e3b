"""Worker processes on one machine: what they sample, what they listen to, how they end."""

import os
import re
import shutil
import signal
import socket
import tempfile
import time

import numpy as np
import pytest
import ray
from helpers import PROJECT, assert_refused, run_code, run_here
from helpers.processes import Run, listening, wait_for, workers

import main
from scripts import train, watch
from starter import Problem
from starter.learning.build import build
from starter.storage import checkpoint
from starter.workers import cluster, pipelined_dqn, session

QUIET = ["--render", "none", "--episodes", 1]


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """Run twice side by side with the same seed, and look at what the two listen to.

    Returns, of each: the folder of its output, the run, its processes and their addresses.
    """
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    for folder in folders:
        for name in ("home", "temp"):
            (folder / name).mkdir()
    flags = ["--workers", 2, "--iterations", 3, "--seed", 3, *QUIET, "--output"]
    # No Ray is there; a run that went by this variable would wait for it, and fail.
    other = {"TMPDIR": folders[1] / "temp", "RAY_ADDRESS": "192.0.2.1:6379"}
    seen = []
    with Run(*flags, folders[0] / "runs", HOME=folders[0] / "home") as one, Run(
        *flags, folders[1] / "runs", HOME=folders[1] / "home", **other
    ) as two:
        waiting = list(zip(folders, (one, two)))
        while waiting:  # look at each as soon as it trains: it is soon over
            folder, run = wait_for(
                lambda: next((pair for pair in waiting if pair[1].iterations()), None),
                "iteration 1",
            )
            pids = [run.process.pid, *run.children()]
            addresses = listening(pids) if shutil.which("ss") else None
            seen.append((folder, run, pids, addresses))
            waiting.remove((folder, run))
        for _, run, pids, _ in seen:
            assert run.end(pids) == 0, "".join(run.errors)
    return seen


@pytest.mark.slow
def test_the_seed_decides_whichever_worker_is_ready_first(twins):
    figures = [[line for line in run.lines if line[:5] != "saved"] for _, run, _, _ in twins]
    assert figures[0] == figures[1]
    assert any(line.startswith("weights: SHA-256") for line in figures[0])
    for folder, run, _, _ in twins:
        assert run.errors == []
        assert run.iterations() == {1: 4096, 2: 8192, 3: 12288}  # as many as without workers
        assert list((folder / "home").iterdir()) == []
        assert list((folder / "temp").iterdir()) == []


@pytest.mark.slow
def test_every_socket_is_on_loopback(twins):
    for _, _, pids, addresses in twins:
        if addresses is None:
            pytest.skip("ss is not installed")
        assert len(pids) >= 6  # ours, Ray's two servers, its agent, two workers
        assert len(addresses) >= 6
        hosts = {address.rpartition(":")[0] for address in addresses}
        assert hosts <= {"127.0.0.1", "[::ffff:127.0.0.1]", "[::1]"}


@pytest.mark.slow
def test_what_workers_trained_is_shown_without_ray(twins):
    folder, run, _, _ = twins[0]
    shown = run_here(watch.watch, *QUIET, "--seed", 3, "--output", folder / "runs")
    assert shown.returncode == 0, shown.stderr
    heading, episode = shown.stdout.splitlines(keepends=True)
    assert "trained with num_workers=2" in heading
    assert episode in run.lines
    assert not ray.is_initialized()


@pytest.mark.slow
def test_a_worker_dies_and_ctrl_c_comes_then_it_is_resumed_and_killed(tmp_path):
    flags = [*QUIET, "--stop-reward", 1e9, "--iterations", 1000, "--output", tmp_path]
    with Run(*flags, "--workers", 2, "--seed", 3) as run:
        run.wait_for_iteration(1)
        pids = run.children()
        os.kill(workers(pids)[0], signal.SIGKILL)
        run.wait_for_error("is gone; training continues with 1 of 2")
        run.wait_for_error("is back; training continues with 2 of 2")
        pids += run.children()
        run.interrupt()
        assert run.end(pids) == 0, "".join(run.errors)
        last = max(run.iterations())
        assert run.iterations() == {number: 4096 * number for number in range(1, last + 1)}
        assert f"/checkpoint_{last:06}\n" in "".join(run.lines)
        assert len(run.errors) == 4, run.errors  # two lines about the worker, two about Ctrl-C

    # It is resumed with one worker instead of two. Ctrl-C twice quits.
    with Run(*flags, "--workers", 1, "--resume") as run:
        run.wait_for_iteration(last + 2)
        pids = run.children()
        run.interrupt()
        run.wait_for_error("again to quit now")
        run.interrupt()
        assert run.end(pids) == 130
        assert min(run.iterations()) == last + 1
        assert "Traceback" not in "".join(run.errors)
    trained = checkpoint.newest(tmp_path / "latest").training()[1]["algorithm"]
    assert trained["iteration"] >= last + 1
    assert trained["counters"]["num_env_steps_sampled"] == 4096 * trained["iteration"]

    # Killed so that it can do nothing, it leaves no process either.
    with tempfile.TemporaryDirectory(dir="/tmp") as temp, Run(
        *flags, "--workers", 1, "--resume", TMPDIR=temp
    ) as run:
        run.wait_for_iteration(trained["iteration"] + 1)
        pids = run.children()
        assert workers(pids)
        run.process.kill()
        assert run.end(pids) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--address", "auto"], "--address needs workers"),
        (["--address", "somewhere", "--workers", 1], "takes auto or HOST:PORT, not somewhere"),
        (["--address", "ray://a:1", "--workers", 1], "takes auto or HOST:PORT"),
        (["--address", "auto", "--workers", 1], "no Ray cluster was started on this machine"),
        (["--address", "127.0.0.1:9", "--workers", 1], "no Ray answers at"),
    ],
)
def test_an_address_that_is_of_no_use(flags, words, tmp_path):
    done = run_here(train.train, *flags, "--output", tmp_path / "runs", RAY_TMPDIR=tmp_path)
    assert_refused(done, words)
    assert not (tmp_path / "runs").exists()


def test_an_address_where_another_server_keeps_silent(monkeypatch):
    from ray._private import services

    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 1)
    monkeypatch.setattr(services, "resolve_ip_for_localhost", lambda address: address)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        started = time.monotonic()
        with pytest.raises(Problem, match="no Ray answers at"):
            cluster.join(f"127.0.0.1:{server.getsockname()[1]}")
        assert time.monotonic() - started < 20


@pytest.fixture()
def own_ray():
    """End the Ray that a test starts, and give the signal back that it takes."""
    previous = signal.getsignal(signal.SIGTERM)
    yield
    session.stop()
    signal.signal(signal.SIGTERM, previous)


@pytest.mark.slow
def test_a_start_that_fails_by_chance_in_a_folder_too_long_for_a_socket(
    tmp_path, monkeypatch, own_ray
):
    from ray._private.node import Node

    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    draws = []
    unused_port = Node._get_unused_port

    def draw(self, *ports):
        draws.append(1)
        # Ray's agent has 52365 already.
        return 52365 if len(draws) == 1 else unused_port(self, *ports)

    monkeypatch.setattr(Node, "_get_unused_port", draw)
    session.start(1)
    folder = session._folder
    assert len(draws) > 4  # three in each attempt
    assert folder.startswith("/tmp/ray-")
    assert os.path.exists(folder)
    assert list(long.iterdir()) == []
    session.stop()
    assert not os.path.exists(folder)


@pytest.mark.slow
def test_the_lines_that_switch_to_ape_x_run():
    text = (PROJECT / "docs" / "cluster.md").read_text("utf-8")
    (script,) = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    done = run_code(script)
    assert done.returncode == 0, done.stderr
    numbers = re.findall(r"^(\d+) played, (\d+) replayed, -?\d", done.stdout, re.M)
    (played, _), (more, replayed) = numbers
    assert int(more) >= int(played) + 4096
    assert int(replayed) > 0


@pytest.mark.slow
def test_two_workers_in_one_process_and_then_none(monkeypatch, own_ray):
    session.start(2)
    algorithm = build(train.configure(0, main.LANDER, 2))
    result = algorithm.train()
    alone = main.build_algorithm(0)
    alone.train()
    assert algorithm._counters == alone._counters  # it learns as often as without workers
    alone.stop()

    def look(worker):
        policy = worker.policy_map["default_policy"]
        worker.sampler.__init__(worker)  # as if it began anew
        number = policy.exploration._random.integers(2**60)
        return policy.global_timestep, number, worker.sampler._observations

    found = algorithm.workers.foreach_worker(look, local_worker=False)
    timesteps, numbers, starts = zip(*found)
    # Epsilon goes by the whole training's timesteps, of which each played about half. What is
    # asked for ahead is not counted yet.
    assert all(4096 - 512 <= timestep <= 4096 + 512 for timestep in timesteps)
    # No two environments start alike, and no two workers explore alike.
    assert len(np.unique(np.concatenate(starts), axis=0)) == 32
    assert len(set(numbers)) == 2
    assert result["timesteps_total"] == 4096

    monkeypatch.setattr(pipelined_dqn, "PATIENCE", 0)
    for actor in algorithm.workers.remote_workers():
        ray.kill(actor)
    with pytest.raises(Problem, match="no worker process is left"):
        algorithm.train()
    algorithm.stop()
