"""Workers on two machines: network namespaces stand for them, each with an address of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest
from helpers import PROJECT, assert_refused, environment
from helpers.processes import Run, wait_for, workers

pytestmark = pytest.mark.slow
MACHINES = {"lander-one": "10.77.0.1", "lander-two": "10.77.0.2"}
HEAD, OTHER = MACHINES


def run(*command, folder=PROJECT, **variables):
    return subprocess.run(
        [str(word) for word in command],
        cwd=str(folder),
        env=environment(RAY_ADDRESS=None, PYTHONPATH=None, **variables),
        capture_output=True,
        text=True,
        timeout=240,
    )


def on(machine):
    return ["ip", "netns", "exec", machine]


def processes(machine):
    return [int(pid) for pid in run("ip", "netns", "pids", machine).stdout.split()]


def lose(machine):
    """End all its processes at once."""
    for pid in processes(machine):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not processes(machine), f"{machine} to be empty", 30)


def start_ray(machine, temp, *flags):
    """Start Ray there with one CPU, from a folder without this project."""
    flags += ("--num-cpus=1", "--object-store-memory=80000000", "--disable-usage-stats")
    ray = [*on(machine), sys.executable, "-m", "ray.scripts.scripts"]
    address = f"--node-ip-address={MACHINES[machine]}"
    done = run(*ray, "start", address, *flags, folder=temp, RAY_TMPDIR=temp)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def temp():
    """Connect two machines, start Ray on the first one; return the folder for Ray's files."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("needs root and iproute2, for network namespaces")
    if run("ip", "netns", "add", HEAD).returncode or run("ip", "netns", "add", OTHER).returncode:
        pytest.skip("this machine allows no network namespaces")
    folder = tempfile.mkdtemp(dir="/tmp")  # short enough for the sockets in it
    try:
        os.mkdir(f"{folder}/ray")
        cable = ["netns", HEAD, "type", "veth", "peer", "name", "vb", "netns", OTHER]
        run("ip", "link", "add", "va", *cable)
        for (machine, address), end in zip(MACHINES.items(), ("va", "vb")):
            run("ip", "-n", machine, "address", "add", f"{address}/24", "dev", end)
            for name in (end, "lo"):
                run("ip", "-n", machine, "link", "set", name, "up")
        start_ray(HEAD, folder, "--head", "--port=6379", "--include-dashboard=false")
        yield folder
    finally:
        for machine in MACHINES:
            lose(machine)
            run("ip", "netns", "delete", machine)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(
    ("machine", "count", "before", "words"),
    [
        (HEAD, 1, "ray.__version__ = '2.1.0'", ["version 2.2.0", "Ray version 2.1.0"]),
        (HEAD, 2, "", ["1 free CPUs", "at most --workers 1"]),
        (OTHER, 1, "", ["10.77.0.2, is not in the cluster", "ray start --address=10.77.0.1:6379"]),
    ],
    ids=["version", "cpus", "machine"],
)
def test_what_does_not_fit_the_cluster_is_refused(machine, count, before, words, temp, tmp_path):
    script = f"import ray, runpy; {before}\nrunpy.run_module('scripts.train', None, '__main__')"
    flags = ["--address", "10.77.0.1:6379", "--workers", count, "--output", tmp_path / "runs"]
    done = run(*on(machine), sys.executable, "-c", script, *flags, RAY_TMPDIR=temp)
    assert_refused(done, *words)
    assert not (tmp_path / "runs").exists()


def test_two_machines_train_together_and_then_one_without_the_other(temp, tmp_path):
    start_ray(OTHER, temp, "--address=10.77.0.1:6379")
    flags = ["--env", "examples/autoscaler.py:Autoscaler-v0"]  # the workers are sent its code
    flags += ["--stop-reward", 1e9, "--iterations", 1000, "--render", "none", "--output", tmp_path]
    variables = {"RAY_TMPDIR": temp, "RAY_ADDRESS": None, "PYTHONPATH": None}
    cluster = ["--address", "auto", "--workers", 2]
    with Run(*flags, *cluster, prefix=on(HEAD), **variables) as training:
        training.wait_for_iteration(1)
        assert len(workers(processes(HEAD))) == len(workers(processes(OTHER))) == 1
        lose(OTHER)
        training.wait_for_error("training continues with 1 of 2")
        training.wait_for_iteration(max(training.iterations()) + 2)
        training.interrupt()
        assert training.end() == 0, "".join(training.errors)
        last = max(training.iterations())
        assert training.iterations() == {number: 4096 * number for number in range(1, last + 1)}
        assert f"/checkpoint_{last:06}\n" in "".join(training.lines)
    wait_for(lambda: not workers(processes(HEAD)), "the workers to end", 60)
