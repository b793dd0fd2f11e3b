"""scripts/setup.sh: what it installs, and what it leaves when it cannot.

The real locks take minutes to install, so these tests give the script a project of
its own whose locks name one small wheel each, and no index.
"""

import hashlib
import io
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from helpers import PROJECT, assert_refused
from helpers.processes import wait_for
from helpers.wheel import wheel

BASE = str(Path(sys.base_prefix, "bin", "python3"))


class Small:
    """A project of three small wheels, with the real Makefile and set-up scripts."""

    def __init__(self, folder):
        self.folder = folder / "clone"
        self.home = folder / "home"
        self.wheels = folder / "wheels"
        self.lock = self.folder / "requirements.txt"
        self.venv = self.folder / ".venv"
        self.wheels.mkdir()
        shutil.copytree(str(PROJECT / "scripts"), str(self.folder / "scripts"))
        for name in ("Makefile", ".tool-versions"):
            shutil.copy(str(PROJECT / name), str(self.folder / name))
        for lock, name in [
            ("locks/build", "builder"), ("requirements", "runner"),
            ("locks/dev", "tester"), ("locks/linux-aarch64", "arm-runner"),
        ]:  # fmt: skip
            path = self.folder / f"{lock}.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_text(wheel(self.wheels, name.replace("-", "_"), "1.0"))
        (self.folder / "main.py").write_text("import runner, sys; print(*sys.argv[1:])\n")

    def start(self, *command, **variables):
        return subprocess.Popen(
            command or ["scripts/setup.sh"],
            cwd=str(self.folder),
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(self.home),
                "PYTHON": BASE,
                "PIP_NO_INDEX": "1",
                "PIP_FIND_LINKS": str(self.wheels),
                "PIP_CONFIG_FILE": os.devnull,
                **variables,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *command, **variables):
        process = self.start(*command, **variables)
        stdout, stderr = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def has(self, *modules):
        code = f"import {', '.join(modules)}"
        command = [str(self.venv / "bin/python"), "-c", code]
        return subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0

    def lock_source(self, build):
        """Add box2d-py to the lock, as a source package that the code `build` builds.

        In `build`, `site` is the folder of the environment's packages.
        """
        wheel(self.wheels, "box2d_py", "2.3.5")
        built = self.wheels / "box2d_py-2.3.5-py3-none-any.whl"
        backend = f"""import os, shutil, sysconfig, time
from pathlib import Path
def build_wheel(folder, settings=None, metadata=None):
    site = Path(sysconfig.get_paths()["purelib"])
    {build}
    return shutil.copy("{built.name}", folder) and "{built.name}"
"""
        project = (
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        )
        files = {"backend.py": backend.encode(), "pyproject.toml": project.encode()}
        files[built.name] = built.read_bytes()
        built.unlink()  # it is there as source only
        path = self.wheels / "box2d-py-2.3.5.tar.gz"
        with tarfile.open(str(path), "w:gz") as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(f"box2d-py-2.3.5/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with self.lock.open("a") as lock:
            lock.write(f"box2d-py==2.3.5 \\\n    --hash=sha256:{digest}\n    # via gymnasium\n")


@pytest.fixture()
def small(tmp_path):
    return Small(tmp_path)


def elsewhere(folder, name, libc="gnu"):
    """This Python, saying of itself that it runs on another platform."""
    path = folder / "python-elsewhere"
    path.write_text(
        f"""#!/bin/sh
        case "$2" in
            *platform*) echo {name} ;;
            *HOST_GNU_TYPE*) [ {libc} = musl ] ;;
            *) exec {BASE} "$@" ;;
        esac"""
    )
    path.chmod(0o755)
    return str(path)


# What is refused before anything is made or moved.


@pytest.mark.parametrize(
    ("name", "libc"),
    [("linux-ppc64le", "gnu"), ("linux-x86_64", "musl"), ("darwin-x86_64", "gnu")],
)
def test_a_platform_without_a_lock(small, name, libc):
    done = small.run(PYTHON=elsewhere(small.folder, name, libc))
    assert_refused(done, f"there is no lock for {name}")
    assert not small.venv.exists()


def test_no_compiler(small):
    done = small.run(CC="/no/such/cc")
    assert_refused(done, "apt install g++", "dnf install gcc-c++", "xcode-select --install")
    assert not small.venv.exists()


@pytest.mark.parametrize("file", ["requirements.txt", "locks/build.txt", "locks/dev.txt"])
def test_a_line_without_a_hash(small, file):
    with (small.folder / file).open("a") as lock:
        lock.write("my-env @ file:///srv/my-env\n")
    done = small.run("scripts/setup.sh", "dev")
    assert_refused(done, f"{file}, line 2 ", "my-env", f"git checkout {file}")
    assert not small.venv.exists()


def test_a_lock_that_cannot_be_read(small):
    (small.folder / "locks/build.txt").unlink()
    assert small.run().returncode == 1
    assert not small.venv.exists()


def test_make_help_lists_every_target_and_the_first_command_first(small):
    said = small.run("make", "help").stdout
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)", (PROJECT / "Makefile").read_text(), re.M)
    listed = re.findall(r"^  make (\S+)", said, re.M)
    assert sorted(listed) == sorted(phony.group(1).replace("\\\n", "").split())
    assert listed[0] == "run"


# What is installed.


@pytest.mark.slow
def test_set_up_once_then_never_again(small):
    flags = ("make", "ITERATIONS=2", "SEED=3", "ARGS=--render none")
    first = small.run(*flags)
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    assert "Installing 2 packages for Python 3.8" in first.stdout
    assert first.stdout.splitlines()[-1] == "--iterations 2 --seed 3 --render none"
    assert len(first.stdout.splitlines()) < 10
    assert (
        "Successfully installed runner" in (small.folder / ".setup/requirements.log").read_text()
    )
    assert small.has("builder", "runner")
    assert not small.has("tester")  # for tests only
    marker = small.venv / "untouched"
    marker.write_text("")
    second = small.run("make", PIP_FIND_LINKS="/nowhere")
    assert (second.stdout, second.stderr) == ("\n", "")
    # Nothing outside the clone but pip's cache.
    assert {path.name for path in small.home.glob("*")} <= {".cache"}
    # The tests' packages come on top.
    assert small.run("scripts/setup.sh", "dev").returncode == 0
    assert small.has("builder", "runner", "tester")
    again = small.run("scripts/setup.sh", "dev", PIP_FIND_LINKS="/nowhere")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert marker.exists()


@pytest.mark.slow
def test_a_terminal_gets_a_bar(small):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["scripts/setup.sh"],
        cwd=str(small.folder),
        env={"PATH": "/usr/bin:/bin", "PYTHON": BASE, "PIP_NO_INDEX": "1", "COLUMNS": "60"},
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    said = b""
    try:
        while True:
            said += os.read(ours, 1000)
    except OSError:  # the other side is closed
        process.wait()
    assert re.search(rb"\r\x1b\[K\[#* *\] \d+ s: 0 of 2 packages fetched", said)
    assert said.count(b"\n") == 1  # the rest was over itself
    assert process.returncode == 1


@pytest.mark.slow
def test_a_persons_own_settings_reach_main_and_not_set_up(small):
    # Each of them alone makes pip fail, or install elsewhere or something else.
    foreign = small.home / "foreign"
    foreign.mkdir(parents=True)
    for module in ("pip", "venv", "zipfile"):
        (foreign / f"{module}.py").write_text("raise SystemExit('foreign')")
    (small.home / "constraints.txt").write_text("runner==0.9\n")
    (foreign / "my_env.py").write_text("")
    (small.folder / "main.py").write_text("import my_env, runner")
    configuration = small.home / ".config/pip/pip.conf"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(
        f"[global]\nno-index = true\nfind-links = {small.wheels}\nuser = yes\n"
        f"[install]\ntarget = {small.home}/t\nconstraint = {small.home}/constraints.txt\n"
    )
    done = small.run(
        "make",
        PIP_CONFIG_FILE="",
        PIP_FIND_LINKS="",
        PIP_TARGET=f"{small.home}/target",
        PIP_PREFIX=f"{small.home}/prefix",
        PIP_USER="1",
        PIP_CONSTRAINT=f"{small.home}/constraints.txt",
        PIP_REQUIRE_VIRTUALENV="1",
        PIP_NO_DEPS="1",
        PYTHONPATH=str(foreign),
        PYTHONHOME="/nowhere",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert small.has("builder", "runner")
    assert {path.name for path in small.home.iterdir()} <= {
        *(".cache", ".config", "constraints.txt", "foreign")
    }


@pytest.mark.slow
def test_each_platform_gets_its_lock(small):
    python = elsewhere(small.folder, "linux-aarch64")
    assert small.run("scripts/setup.sh", "lock").stdout == "requirements.txt\n"
    done = small.run("scripts/setup.sh", "lock", PYTHON=python)
    assert done.stdout == "locks/linux-aarch64.txt\n"
    assert small.run(PYTHON=python).returncode == 0
    assert small.has("arm_runner")
    assert not small.has("runner")


# box2d-py's build, in the place of half a minute of C++.
MEETS_THE_REST = """for _ in range(1200):
        if (site / "runner.py").exists(): break
        time.sleep(0.1)
    else: raise SystemExit("nothing else is installed meanwhile")"""
FAILS = 'raise SystemExit("Box2D.i: no such file")'
TAKES_LONG = """Path({!r}).write_text(str(os.getpid()))
    time.sleep(600)"""


@pytest.mark.slow
def test_box2d_is_built_while_the_rest_is_installed(small):
    small.lock_source(MEETS_THE_REST)
    done = small.run(PIP_NO_CACHE_DIR="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert small.has("box2d_py", "runner")


@pytest.mark.slow
def test_two_set_ups_at_a_time_take_turns(small):
    processes = [small.start(), small.start()]
    said = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum("Waiting for another set-up" in words for words in said) == 1
    assert sum("Installing" in words for words in said) == 1


# What is left when it cannot: the environment of before.


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A project that is set up, and whose lock then changes in each test."""
    small = Small(tmp_path_factory.mktemp("old"))
    assert small.run().returncode == 0
    return small


def assert_old(small):
    assert small.has("builder", "runner")
    assert not small.has("successor")
    assert not (small.folder / ".setup/previous").exists()


@pytest.mark.slow
def test_a_failed_set_up_leaves_the_old_environment(old):
    old.lock.write_text(wheel(old.wheels, "successor", "2.0").replace("sha256:", "sha256:0")[:-2])
    for _ in range(2):  # nor is it taken for a finished one
        done = old.run()
        assert_refused(done, "MATCH THE HASHES", "successor==2.0", ".setup/requirements.log")
        assert_old(old)
    old.lock.write_text(wheel(old.wheels, "successor", "2.0"))
    old.lock_source(FAILS)
    assert_refused(old.run(), "Box2D.i: no such file", ".setup/box2d-py.log")
    assert_old(old)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_set_up_leaves_the_old_environment(old, number):
    building = old.folder / f"building-{number}"
    old.lock.write_text(wheel(old.wheels, "successor", "2.0"))
    old.lock_source(TAKES_LONG.format(str(building)))
    process = old.start()
    wait_for(lambda: building.exists() and building.read_text(), "the build")
    os.killpg(process.pid, number)  # as a terminal does: to all of them
    _, errors = process.communicate(timeout=60)
    assert errors == ""
    builder = int(building.read_text())
    if number == signal.SIGINT:
        assert process.returncode == 130
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(builder)], capture_output=True)
        assert state.stdout[:1] in (b"", b"Z")  # Z: it has ended
    else:  # nobody was left to clean up but the next set-up, whether it succeeds or not
        os.kill(builder, number)
        assert old.run(PIP_FIND_LINKS="/nowhere").returncode == 1
    assert_old(old)


@pytest.mark.slow
def test_a_finished_set_up_replaces_the_old_environment(old):
    old.lock.write_text(wheel(old.wheels, "successor", "2.0"))
    os.utime(str(old.lock), (0, 0))  # whatever its date
    for link in (old.venv / "bin").glob("python*"):  # and if its Python has gone
        link.unlink()
    done = old.run()
    assert done.returncode == 0, done.stderr
    assert old.has("successor")
    assert not old.has("runner")  # exactly the lock
    assert not (old.folder / ".setup/previous").exists()
