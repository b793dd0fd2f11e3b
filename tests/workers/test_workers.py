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
from helpers import PROJECT, assert_refused, run_code, run_main
from helpers.processes import Run, listening, wait_for

import main
from starter import Problem
from starter.learning.build import get_state, set_state
from starter.storage import checkpoint
from starter.workers import cluster, pipelined_dqn

pytestmark = pytest.mark.slow
QUIET = ["--render", "none", "--stop-reward", "1e9"]


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """Two runs side by side with the same seed, and what was seen while they ran.

    Gives, of each: the folder of its output, the run, its processes and what they listened to.
    """
    seen = []
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    for folder in folders:
        for name in ("home", "temp"):
            (folder / name).mkdir()
    flags = ["--workers", 2, "--iterations", 3, "--seed", 3, *QUIET]
    # No Ray is there; a run that went by this variable would wait for it, and fail.
    with Run(*flags, "--output", folders[0] / "runs", HOME=folders[0] / "home") as one, Run(
        *flags,
        "--output",
        folders[1] / "runs",
        HOME=folders[1] / "home",
        TMPDIR=folders[1] / "temp",
        RAY_ADDRESS="192.0.2.1:6379",
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


def test_each_iteration_has_as_many_timesteps_as_without(twins):
    for _, run, _, _ in twins:
        assert run.iterations() == {1: 4096, 2: 8192, 3: 12288}
        assert run.errors == []


def test_the_seed_decides_whichever_worker_is_ready_first(twins):
    def figures(lines):
        return [line for line in lines if not line.startswith("saved")]

    (_, one, _, _), (_, two, _, _) = twins
    assert figures(one.lines) == figures(two.lines)
    assert any(line.startswith("weights: SHA-256") for line in one.lines)


def test_every_socket_is_on_loopback(twins):
    for _, _, pids, addresses in twins:
        if addresses is None:
            pytest.skip("ss is not installed")
        assert len(pids) >= 6  # ours, Ray's two servers, its agent, two workers
        assert len(addresses) >= 6
        assert {address.rpartition(":")[0] for address in addresses} <= {
            "127.0.0.1",
            "[::ffff:127.0.0.1]",
            "[::1]",
        }


def test_nothing_is_left_in_the_home_folder_or_in_the_temporary_one(twins):
    for folder, _, _, _ in twins:
        assert list((folder / "home").iterdir()) == []
        assert list((folder / "temp").iterdir()) == []


def test_what_workers_trained_is_shown_without_ray(twins):
    folder = twins[0][0]
    flags = ["--from-checkpoint", folder / "runs" / "latest", "--episodes", "1", "--seed", "3"]
    argv = ["main.py", *map(str, flags), "--render", "none", "--output", str(folder / "runs")]
    script = f"import ray, runpy, sys; ray.init = None; sys.argv = {argv!r}\n"
    script += "runpy.run_path('main.py', run_name='__main__')"
    done = run_code(script)
    assert done.returncode == 0, done.stderr
    flown = [line for line in twins[0][1].lines if line.startswith("episode 1:")]
    assert done.stdout.splitlines(keepends=True) == flown


def test_a_worker_dies_and_ctrl_c_comes_then_it_goes_on_and_is_killed(tmp_path):
    flags = [*QUIET, "--iterations", 1000, "--output", tmp_path]
    with Run(*flags, "--workers", 2, "--seed", 3) as run:
        run.wait_for_iteration(1)
        pids = run.children()
        worker = run.workers()[0]
        os.kill(worker, signal.SIGKILL)
        run.wait_for_error("is gone; training goes on with 1 of 2")
        run.wait_for_error("is back; training goes on with 2 of 2")
        pids += run.children()
        run.interrupt()
        assert run.end(pids) == 0, "".join(run.errors)
        last = max(run.iterations())
        assert run.iterations() == {number: 4096 * number for number in range(1, last + 1)}
        assert f"/checkpoint_{last:06}\n" in "".join(run.lines)
        assert len(run.errors) == 4, run.errors  # two lines about the worker, two about Ctrl-C

    # One worker goes on where two were. Ctrl-C twice quits, and leaves the last checkpoint.
    with Run(*flags, "--workers", 1, "--resume") as run:
        run.wait_for_iteration(last + 1)
        pids = run.children()
        run.interrupt()
        run.wait_for_error("once more quits")
        run.interrupt()
        assert run.end(pids) == 130
        assert min(run.iterations()) == last + 1
        assert "Traceback" not in "".join(run.errors)
    found = checkpoint.newest(tmp_path / "latest")
    trained = found.training()[1]["algorithm"]
    assert trained["iteration"] >= last + 1
    assert trained["counters"]["num_env_steps_sampled"] == 4096 * trained["iteration"]

    # Killed so that it can do nothing, it leaves no process either.
    with tempfile.TemporaryDirectory(dir="/tmp") as temp, Run(
        *flags, "--workers", 1, "--resume", TMPDIR=temp
    ) as run:
        run.wait_for_iteration(trained["iteration"] + 1)
        pids = run.children()
        assert run.workers()
        run.process.kill()
        assert run.end(pids) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--address", "auto"], ["--address is of no use without --workers"]),
        (["--address", "somewhere", "--workers", "1"], ["takes auto or HOST:PORT, not somewhere"]),
        (["--address", "ray://a:1", "--workers", "1"], ["takes auto or HOST:PORT"]),
        (["--address", "auto", "--workers", "1"], ["no Ray cluster was started on this machine"]),
        (["--address", "127.0.0.1:9", "--workers", "1"], ["no Ray answers at", ":9;"]),
    ],
)
def test_an_address_that_is_of_no_use(flags, words, tmp_path):
    done = run_main(*flags, "--output", tmp_path / "runs", RAY_TMPDIR=tmp_path)
    assert_refused(done, *words)
    assert list((tmp_path / "runs").iterdir()) == []


def test_an_address_where_another_server_keeps_silent(monkeypatch):
    from ray._private import services

    monkeypatch.setattr(services, "resolve_ip_for_localhost", lambda address: address)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        started = time.monotonic()
        with pytest.raises(Problem, match="no Ray answers at"):
            cluster.start(1, f"127.0.0.1:{server.getsockname()[1]}")
        assert time.monotonic() - started < 60  # it gives up after 5


def test_a_long_temporary_folder_is_too_long_for_a_socket(tmp_path, monkeypatch):
    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    cluster.start(1)
    try:
        assert wait_for(lambda: cluster._folder, "a folder").startswith("/tmp/ray-")
        assert list(long.iterdir()) == []
    finally:
        folder = cluster._folder
        cluster.stop()
    assert not os.path.exists(folder)


def test_ports_that_collide_are_drawn_again(monkeypatch):
    from ray._private.node import Node

    draws = []
    unused_port = Node._get_unused_port

    def draw(self, *ports):
        draws.append(1)
        # Ray's agent has 52365 already; that is how a start fails by chance.
        return 52365 if len(draws) == 1 else unused_port(self, *ports)

    monkeypatch.setattr(Node, "_get_unused_port", draw)
    try:
        cluster.start(1)
        assert len(draws) > 4  # three in each attempt
    finally:
        cluster.stop()


def test_the_lines_that_switch_to_ape_x_run():
    text = (PROJECT / "docs" / "cluster.md").read_text("utf-8")
    (script,) = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    done = run_code(script)
    assert done.returncode == 0, done.stderr
    numbers = re.findall(r"^(\d+) played, (\d+) replayed, -?\d", done.stdout, re.M)
    (played, _), (more, replayed) = numbers
    assert int(more) >= int(played) + 4096
    assert int(replayed) > 0


@pytest.fixture(scope="module")
def session():
    """An algorithm with two workers after one iteration, in this process."""
    cluster.start(2)
    algorithm = main.build_algorithm(0, workers=2)
    algorithm.train()
    yield algorithm
    algorithm.stop()
    cluster.stop()


def test_it_learns_as_often_as_without_workers(session):
    alone = main.build_algorithm(0)
    alone.train()
    assert session._counters == alone._counters
    assert session._counters["num_env_steps_trained"] == 14 * 4096  # the first 512 only begin
    alone.stop()


def test_epsilon_goes_by_the_whole_trainings_timesteps(session):
    timesteps = session.workers.foreach_worker(
        lambda worker: worker.policy_map["default_policy"].global_timestep, local_worker=False
    )
    # Each has played about half of these. What is asked for ahead is not counted yet.
    assert all(4096 - 512 <= timestep <= 4096 + 512 for timestep in timesteps)


def test_no_two_environments_start_alike_nor_explore_alike(session):
    def first(worker):
        worker.sampler.__init__(worker)  # as if it began anew
        policy = worker.policy_map["default_policy"]
        return worker.sampler._observations, policy.exploration._random.integers(2**60)

    before = get_state(session)
    found = session.workers.foreach_worker(first, local_worker=False)
    set_state(session, *before)
    starts = np.concatenate([observations for observations, _ in found])
    assert len(np.unique(starts, axis=0)) == len(starts) == 32
    assert len({number for _, number in found}) == 2


def test_what_each_worker_has_come_to_is_kept(session):
    arrays, facts = get_state(session)
    assert [state["worker"] for state in facts["samplers"]] == [0, 1, 2]
    assert facts["samplers"][0]["environments"] is None
    states = [str(state) for sampler in facts["samplers"][1:] for state in sampler["environments"]]
    assert len(set(states)) == 32
    session.train()
    assert get_state(session)[1]["samplers"][1:] != facts["samplers"][1:]
    set_state(session, arrays, facts)
    after = get_state(session)[1]["samplers"]
    for before, now in zip(facts["samplers"], after):
        assert now["exploration"] == before["exploration"]
    episodes = [s["environments"][0]["state"]["state"] for s in after[1:]]
    assert len(set(episodes)) == 2


def test_without_any_worker_it_ends_with_a_line(session, monkeypatch):
    """Last, for it takes the session's workers away."""
    import ray

    monkeypatch.setattr(pipelined_dqn, "PATIENCE", 0)
    for actor in session.workers.remote_workers():
        ray.kill(actor)
    with pytest.raises(Problem, match="no worker process is left"):
        session.train()
