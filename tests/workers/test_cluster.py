"""Workers on two machines: network namespaces stand for them, each with an address of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress

import pytest
from helpers import assert_refused, environment, run_main
from helpers.processes import Run, wait_for, workers

pytestmark = pytest.mark.slow
MACHINES = {"lander-one": "10.77.0.1", "lander-two": "10.77.0.2"}
HEAD, OTHER = MACHINES
ADDRESS = "10.77.0.1:6379"


def ip(*words):
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


def on(machine):
    return ["ip", "netns", "exec", machine]


def processes(machine):
    return [int(pid) for pid in ip("netns", "pids", machine).split()]


def lose(machine):
    """End all its processes at once."""
    for pid in processes(machine):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not processes(machine), f"{machine} to be empty")


def start_ray(machine, folder, *flags):
    """Start Ray there with one CPU, where this project is not found."""
    flags += ("--num-cpus=1", "--object-store-memory=80000000", "--disable-usage-stats")
    ray = [*on(machine), sys.executable, "-m", "ray.scripts.scripts", "start"]
    subprocess.run(
        [*ray, f"--node-ip-address={MACHINES[machine]}", *flags],
        cwd=folder,
        env=environment(RAY_TMPDIR=folder, RAY_ADDRESS=None, PYTHONPATH=None),
        check=True,
        stdout=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def temp():
    """Connect two machines, start Ray on the first one; return the folder for Ray's files."""
    try:
        for machine in MACHINES:
            ip("netns", "add", machine)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs network namespaces: root and iproute2 ({error})")
    folder = tempfile.mkdtemp(dir="/tmp")  # short enough for the sockets in it
    try:
        os.mkdir(f"{folder}/ray")
        ip("link", "add", "va", "netns", HEAD, "type", "veth", "peer", "vb", "netns", OTHER)
        for (machine, address), end in zip(MACHINES.items(), ("va", "vb")):
            ip("-n", machine, "address", "add", f"{address}/24", "dev", end)
            for name in (end, "lo"):
                ip("-n", machine, "link", "set", name, "up")
        start_ray(HEAD, folder, "--head", "--port=6379", "--include-dashboard=false")
        yield folder
    finally:
        for machine in MACHINES:
            lose(machine)
            ip("netns", "delete", machine)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(
    ("machine", "count", "version", "words"),
    [
        (HEAD, 1, "2.1.0", ["version 2.2.0", "Ray version 2.1.0"]),
        (HEAD, 2, "2.2.0", ["1 free CPUs", "at most --workers 1"]),
        (OTHER, 1, "2.2.0", ["10.77.0.2, is not in the cluster", f"start --address={ADDRESS}"]),
    ],
    ids=["version", "cpus", "machine"],
)
def test_what_does_not_fit_the_cluster_is_refused(machine, count, version, words, temp, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        f"import ray, runpy\nray.__version__ = '{version}'\n"
        "runpy.run_path('scripts/train.py', run_name='__main__')\n"
    )
    flags = ["--address", ADDRESS, "--workers", count, "--output", tmp_path / "runs"]
    done = run_main(*flags, before=on(machine), script=str(script), RAY_TMPDIR=temp)
    assert_refused(done, *words)
    assert not (tmp_path / "runs").exists()


def test_two_machines_train_together_and_then_one_without_the_other(temp, tmp_path):
    start_ray(OTHER, temp, f"--address={ADDRESS}")
    flags = ["--env", "examples/autoscaler.py:Autoscaler-v0"]  # the workers are sent its code
    flags += ["--stop-reward", 1e9, "--iterations", 1000, "--render", "none", "--output", tmp_path]
    flags += ["--address", "auto", "--workers", 2]
    with Run(*flags, prefix=on(HEAD), RAY_TMPDIR=temp, RAY_ADDRESS=None) as training:
        training.wait_for_iteration(1)
        assert len(workers(processes(HEAD))) == len(workers(processes(OTHER))) == 1
        lose(OTHER)
        training.wait_for_error("training continues with 1 of 2")
        training.wait_for_iteration(max(training.iterations()) + 2)
        training.interrupt()
        assert training.end() == 0, "".join(training.errors)
    iterations = training.iterations()
    assert iterations == {number: 4096 * number for number in range(1, len(iterations) + 1)}
    assert f"/checkpoint_{len(iterations):06}\n" in "".join(training.lines)
    wait_for(lambda: not workers(processes(HEAD)), "the workers to end")
