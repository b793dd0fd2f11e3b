"""Workers on two machines: network namespaces stand for them, each with an address of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from helpers import PROJECT, assert_refused, environment
from helpers.processes import Run, command, wait_for

pytestmark = pytest.mark.slow
HEAD, OTHER = "10.77.0.1", "10.77.0.2"
ADDRESS = f"{HEAD}:6379"
QUIET = ["--render", "none", "--stop-reward", "1e9"]


class Machine:
    """A network namespace with a folder of its own; its cable leads to the other one."""

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

    def workers(self):
        return [pid for pid in self.processes() if "ray::RolloutWorker" in command(pid)]

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


def run_on(machine, *flags, before="pass"):
    """main.py on that machine, after these statements of Python."""
    script = "import runpy, sys; sys.argv[0] = 'main.py'; " + before
    script += "; runpy.run_path('main.py', run_name='__main__')"
    return subprocess.run(
        [*machine.enter, sys.executable, "-c", script, *map(str, flags)],
        cwd=str(PROJECT),
        env=environment(**machine.variables),
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("import ray; ray.__version__ = '2.1.0'", ["has version 2.2.0", "Ray version 2.1.0"]),
        (
            "import ray._private.utils as u; u.compute_version_info = lambda: ('2.2.0', '3.9.1')",
            ["Version mismatch: The cluster was started with", "Python: 3.9.1"],
        ),
    ],
)
def test_another_version_there(before, words, head, tmp_path):
    done = run_on(
        head, *QUIET, "--address", ADDRESS, "--workers", 1, "--output", tmp_path, before=before
    )
    assert_refused(done, *words)


def test_a_machine_that_does_not_belong_to_the_cluster(machines, head, tmp_path):
    done = run_on(machines[1], *QUIET, "--address", ADDRESS, "--workers", 1, "--output", tmp_path)
    assert_refused(done, OTHER, "is not in the cluster", f"ray start --address={ADDRESS}` first")


def test_too_few_cpus(head, tmp_path):
    done = run_on(head, *QUIET, "--address", ADDRESS, "--workers", 2, "--output", tmp_path)
    assert_refused(done, "1 free CPUs", "--workers 1 at most")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("game", "path"), [("LunarLander-v2", None), ("broken:Wide-v0", str(PROJECT / "tests"))]
)
def test_two_machines_train_together_and_one_goes_on_without_the_other(
    game, path, machines, head, tmp_path
):
    _, other = machines
    other.start(OTHER, f"--address={ADDRESS}")
    flags = [*QUIET, "--address", "auto", "--workers", 2, "--iterations", 1000]
    flags += ["--env", game, "--output", tmp_path]
    with Run(*flags, prefix=head.enter, **{**head.variables, "PYTHONPATH": path}) as run:
        run.wait_for_iteration(1)
        assert len(head.workers()) == len(other.workers()) == 1
        other.lose()
        run.wait_for_error("training goes on with 1 of 2")
        run.wait_for_iteration(max(run.iterations()) + 2)
        run.interrupt()
        assert run.end(run.children()) == 0, "".join(run.errors)
        last = max(run.iterations())
        assert run.iterations() == {number: 4096 * number for number in range(1, last + 1)}
        assert f"/checkpoint_{last:06}\n" in "".join(run.lines)
        assert "Traceback" not in "".join(run.errors)
    wait_for(lambda: not head.workers(), "the workers to end", 60)
