"""Workers on two machines: network namespaces stand for them, each with an address of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from helpers import PROJECT, assert_refused, environment
from helpers.processes import Run, wait_for, workers

pytestmark = pytest.mark.slow
HEAD, OTHER = "10.77.0.1", "10.77.0.2"
ADDRESS = f"{HEAD}:6379"
QUIET = ["--render", "none", "--episodes", 1, "--stop-reward", 1e9]


class Machine:
    """A network namespace with a folder of its own, and a cable to the other one."""

    def __init__(self, name, folder, temp):
        self.name, self.folder = name, folder
        self.enter = ["ip", "netns", "exec", name]
        self.variables = {"RAY_TMPDIR": temp, "RAY_ADDRESS": None, "PYTHONPATH": None}
        folder.mkdir()

    def ray(self, *arguments):
        """Ray's command line, from a folder without the project and without PYTHONPATH."""
        done = subprocess.run(
            [*self.enter, sys.executable, "-m", "ray.scripts.scripts", *arguments],
            cwd=str(self.folder),
            env=environment(**self.variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stdout

    def start(self, address, *flags):
        small = ["--num-cpus=1", "--object-store-memory=80000000", "--disable-usage-stats"]
        self.ray("start", f"--node-ip-address={address}", *small, *flags)

    def processes(self):
        done = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True)
        return [int(pid) for pid in done.stdout.split()]

    def lose(self):
        """All its processes end at once."""
        for pid in self.processes():
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue
        wait_for(lambda: not self.processes(), f"{self.name} to be empty", 30)


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True, timeout=30)


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    """Two machines with a cable between them; no Ray runs on them yet."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("needs root and iproute2, for network namespaces")
    folder = tmp_path_factory.mktemp("machines")
    temp = tempfile.mkdtemp(dir="/tmp")  # short enough for the sockets in it
    (Path(temp) / "ray").mkdir()
    both = [
        Machine(f"lander-{os.getpid()}-{name}", folder / name, temp) for name in ("one", "two")
    ]
    try:
        for machine in both:
            ip("netns", "add", machine.name)
        ends = [["va", "netns", both[0].name], ["vb", "netns", both[1].name]]
        ip("link", "add", *ends[0], "type", "veth", "peer", "name", *ends[1])
        for machine, (end, *_), address in zip(both, ends, (HEAD, OTHER)):
            ip("-n", machine.name, "address", "add", f"{address}/24", "dev", end)
            ip("-n", machine.name, "link", "set", "lo", "up")
            ip("-n", machine.name, "link", "set", end, "up")
        yield both
    except subprocess.CalledProcessError as error:
        pytest.skip(f"this machine does not allow network namespaces: {error.stderr.strip()}")
    finally:
        for machine in both:
            machine.lose()
            subprocess.run(["ip", "netns", "delete", machine.name], capture_output=True)
        shutil.rmtree(temp, ignore_errors=True)


@pytest.fixture(scope="module")
def head(machines):
    """The first machine, and Ray on it, with one CPU."""
    machines[0].start(HEAD, "--head", "--port=6379", "--include-dashboard=false")
    return machines[0]


ANOTHER_PYTHON = "u.compute_version_info = lambda: ('2.2.0', '3.9.1')"


@pytest.mark.parametrize(
    ("number", "count", "before", "words"),
    [
        (0, 1, "import ray; ray.__version__ = '2.1.0'", ["version 2.2.0", "Ray version 2.1.0"]),
        (0, 1, f"import ray._private.utils as u; {ANOTHER_PYTHON}", ["mismatch", "Python: 3.9.1"]),
        (1, 1, "pass", [OTHER, "is not in the cluster", f"ray start --address={ADDRESS}` first"]),
        (0, 2, "pass", ["1 free CPUs", "at most --workers 1"]),
    ],
    ids=["ray", "python", "machine", "cpus"],
)
def test_what_does_not_fit_the_cluster_is_refused(
    number, count, before, words, machines, head, tmp_path
):
    script = f"import runpy; {before}; runpy.run_module('scripts.train', run_name='__main__')"
    flags = [*QUIET, "--address", ADDRESS, "--workers", count, "--output", tmp_path]
    done = subprocess.run(
        [*machines[number].enter, sys.executable, "-c", script, *map(str, flags)],
        cwd=str(PROJECT),
        env=environment(**machines[number].variables),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert_refused(done, *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "path"), [("LunarLander-v2", None), ("broken:Wide-v0", PROJECT / "tests" / "helpers")]
)
def test_two_machines_train_together_and_then_one_without_the_other(
    name, path, machines, head, tmp_path
):
    _, other = machines
    other.start(OTHER, f"--address={ADDRESS}")
    flags = [*QUIET, "--address", "auto", "--workers", 2, "--iterations", 1000]
    flags += ["--env", name, "--output", tmp_path]
    with Run(*flags, prefix=head.enter, **{**head.variables, "PYTHONPATH": path}) as run:
        run.wait_for_iteration(1)
        assert len(workers(head.processes())) == len(workers(other.processes())) == 1
        other.lose()
        run.wait_for_error("training continues with 1 of 2")
        run.wait_for_iteration(max(run.iterations()) + 2)
        run.interrupt()
        assert run.end(run.children()) == 0, "".join(run.errors)
        last = max(run.iterations())
        assert run.iterations() == {number: 4096 * number for number in range(1, last + 1)}
        assert f"/checkpoint_{last:06}\n" in "".join(run.lines)
        assert "Traceback" not in "".join(run.errors)
    wait_for(lambda: not workers(head.processes()), "the workers to end", 60)
