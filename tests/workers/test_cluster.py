"""Workers on two machines: network namespaces stand for them, each with an address of its own."""

import shutil
import subprocess
import sys
import tempfile

import pytest
from helpers import assert_refused, environment, run_main
from helpers.processes import Run, wait_for, workers

pytestmark = pytest.mark.slow
ADDRESS = "10.77.0.1:6379"
ON = ["ip", "netns", "exec"]
CONNECT = """
set -e
ip netns add lander2
ip link add cable netns lander1 type veth peer cable netns lander2
for number in 1 2; do
    ip -n lander$number address add 10.77.0.$number/24 dev cable
    ip -n lander$number link set lo up
    ip -n lander$number link set cable up
done
"""


def shell(script, **options):
    return subprocess.check_output(script, shell=True, text=True, **options)


def workers_on(machine):
    return workers(map(int, shell(f"ip netns pids {machine}").split()))


def lose(machine):
    """End all its processes at once."""
    shell(f"ip netns pids {machine} | xargs -r kill -9")


def start_ray(machine, folder, *flags):
    """Start Ray there with one CPU, where this project is not found."""
    flags += ("--num-cpus=1", "--object-store-memory=80000000", "--disable-usage-stats")
    subprocess.run(
        [*ON, machine, sys.executable, "-m", "ray.scripts.scripts", "start", *flags],
        cwd=folder,
        env=environment(RAY_TMPDIR=folder, RAY_ADDRESS=None, PYTHONPATH=None),
        check=True,
    )


@pytest.fixture(scope="module")
def folder():
    """Connect two machines, and start Ray on the first one, with its files in this folder."""
    try:
        shell("ip netns add lander1")
    except subprocess.CalledProcessError:
        pytest.skip("needs network namespaces: root and iproute2")
    folder = tempfile.mkdtemp(dir="/tmp")  # short enough for the sockets in it
    try:
        shell(CONNECT)
        start_ray("lander1", folder, "--head", "--node-ip-address=10.77.0.1", "--port=6379")
        yield folder
    finally:
        for machine in ("lander1", "lander2"):
            lose(machine)
            shell(f"ip netns delete {machine}")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(
    ("machine", "count", "version", "words"),
    [
        ("lander1", 1, "2.1.0", ["version 2.2.0", "Ray version 2.1.0"]),
        ("lander1", 2, "2.2.0", ["1 free CPUs", "at most --workers 1"]),
        ("lander2", 1, "2.2.0", ["10.77.0.2, is not in the cluster", f"--address={ADDRESS}"]),
    ],
)
def test_what_does_not_fit_the_cluster_is_refused(
    machine, count, version, words, folder, tmp_path
):
    script = tmp_path / "train.py"
    script.write_text(
        f"import ray, runpy\nray.__version__ = '{version}'\n"
        "runpy.run_path('scripts/train.py', run_name='__main__')\n"
    )
    flags = ["--address", ADDRESS, "--workers", count, "--output", tmp_path / "runs"]
    done = run_main(*flags, before=[*ON, machine], script=str(script), RAY_TMPDIR=folder)
    assert_refused(done, *words)
    assert not (tmp_path / "runs").exists()


def test_two_machines_train_together_and_then_one_without_the_other(folder, tmp_path):
    start_ray("lander2", folder, "--node-ip-address=10.77.0.2", f"--address={ADDRESS}")
    flags = ["--env", "examples/autoscaler.py:Autoscaler-v0"]  # the workers are sent its code
    flags += ["--stop-reward", 1e9, "--iterations", 1000, "--render", "none", "--output", tmp_path]
    flags += ["--address", "auto", "--workers", 2]
    with Run(*flags, prefix=[*ON, "lander1"], RAY_TMPDIR=folder, RAY_ADDRESS=None) as training:
        training.wait_for_iteration(1)
        assert len(workers_on("lander1")) == len(workers_on("lander2")) == 1
        lose("lander2")
        training.wait_for_error("training continues with 1 of 2")
        training.wait_for_iteration(max(training.iterations()) + 2)
        training.interrupt()
        assert training.end() == 0, "".join(training.errors)
    iterations = training.iterations()
    assert iterations == {number: 4096 * number for number in range(1, len(iterations) + 1)}
    assert f"/checkpoint_{len(iterations):06}.npz\n" in "".join(training.lines)
    wait_for(lambda: not workers_on("lander1"), "the workers to end")
