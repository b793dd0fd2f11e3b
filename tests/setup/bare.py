"""The README's two commands on a bare machine, as an ordinary user: `make test-bare`.

The machine is a minimal Debian (or Ubuntu, on one) that debootstrap makes, with what the README
tells a newcomer to install, the system's own python3 and nothing else; later, a Python 3.8. It
reaches an index on this machine and no other. Its name keeps this file out of `make test`: it
takes root and many minutes.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import PROJECT, python_build
from helpers.locked_index import LockedIndex

README = (PROJECT / "README.md").read_text("utf-8")
# What Python's own build links to; a Python of the reader's brings it.
LIBRARIES = ("libssl3", "libffi8", "zlib1g", "libbz2-1.0", "liblzma5", "libsqlite3-0")
PYTHON = Path(sys.base_prefix)

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("debootstrap"), reason="needs root and debootstrap"
)


class Machine:
    """A root of its own, with the user `reader`, seen from outside at `root`."""

    def __init__(self, root):
        self.root = root
        with open("/etc/os-release") as about:  # the same release as here, from the same mirror
            release = re.search(r"^VERSION_CODENAME=(\w+)$", about.read(), re.M).group(1)
        mirrors = subprocess.check_output(
            ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
            text=True,
        ).split()
        mirror = next(mirror for mirror in mirrors if "security" not in mirror)
        subprocess.run(
            ["debootstrap", "--variant=minbase", release, str(root), mirror],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        self.as_root("useradd --create-home reader && mkdir /opt/none")
        commit = ["git", "clone", "--quiet", "--bare", str(PROJECT), str(root / "srv/lander")]
        subprocess.run(commit, check=True)
        self.as_root("chown -R reader /srv")

    def install(self, *packages):
        self.as_root(
            "apt-get update -qq && DEBIAN_FRONTEND=noninteractive "
            f"apt-get install -y -qq --no-install-recommends {' '.join(packages)}"
        )

    def add_python(self):
        """This Python, at the place that it was built for."""
        ignored = shutil.ignore_patterns("test", "__pycache__", "site-packages")
        copy = self.root / str(PYTHON).lstrip("/")
        shutil.copytree(str(PYTHON), str(copy), symlinks=True, ignore=ignored)
        self.as_root(f"chmod 755 {' '.join(map(str, [PYTHON, *PYTHON.parents]))}")
        (self.root / "usr/local/bin/python3.8").symlink_to(PYTHON / "bin" / "python3.8")

    def as_root(self, command):
        done = self._run(command, "root", {})
        assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]

    def as_reader(self, command, **variables):
        """Run a command in the reader's home, with the variables of a plain login."""
        return self._run(command, "reader", variables)

    def assert_only_the_clone(self):
        """Nothing is in the reader's home but the clone and pip's cache."""
        home = self.root / "home/reader"
        strays = [path for path in home.rglob("*") if home / "lander" not in (path, *path.parents)]
        strays = [path for path in strays if home / ".cache/pip" not in (path, *path.parents)]
        assert {path.name for path in strays} <= {".bash_logout", ".bashrc", ".profile", ".cache"}

    def _run(self, command, user, variables):
        settings = {
            "HOME": f"/home/{user}",
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        }
        settings.update(variables)
        inner = (
            f"mount -t proc proc {self.root}/proc && exec chroot --userspec={user} {self.root} "
        )
        inner += "env -i " + " ".join(f"'{name}={value}'" for name, value in settings.items())
        return subprocess.run(
            # In namespaces of its own, which take the mount and every process along at the end.
            [*("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c"),
             f"{inner} sh -c 'cd ~ 2>/dev/null || cd /; {command}'"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )  # fmt: skip


@pytest.fixture(scope="module")
def index():
    with LockedIndex(relay=True) as index:
        yield index


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    root = tmp_path_factory.mktemp("bare") / "root"
    yield Machine(root)
    shutil.rmtree(str(root))


def one_line(done, *words):
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()
    last = [line for line in last if not line.startswith("make: ")][-1]
    assert last.startswith("error: "), done.stderr
    for word in words:
        assert word in last
    assert "Traceback" not in done.stderr + done.stdout


def commands():
    """The README's own: the one that sets up, trains and shows, and the one that tests."""
    first, second = re.findall(r"^```sh\n(.*?)\n```", README, re.M | re.S)[:2]
    return first.replace("ADDRESS", "/srv/lander"), second


def packages():
    """What the README has a newcomer on Debian install."""
    return re.search(r"sudo apt install ([^`]+)`", README).group(1).split()


# The tests build on each other: the machine gets what it lacks, a piece at a time.


def test_no_python(machine, index):
    assert set(packages()) >= {"git", "make", "g++"}
    machine.install("git", "make", *LIBRARIES)
    done = machine.as_reader(commands()[0], PIP_INDEX_URL=index.url)
    one_line(done, "no Python 3.8, 3.9 or 3.10 found", "install python3", "make PYTHON=")


def test_a_python_that_is_too_new(machine, index):
    """It fetches the locked uv, and uv fetches Python: as far as a machine without GitHub gets."""
    machine.install("python3")
    done = machine.as_reader("cd lander && make", PIP_INDEX_URL="http://127.0.0.1:9/simple")
    one_line(done, "could not get uv", "127.0.0.1:9")
    done = machine.as_reader("cd lander && make", PIP_INDEX_URL=index.url)
    one_line(done, "uv could not fetch Python 3.8.18", ".setup/python.log")
    assert index.refused == []
    lander = machine.root / "home/reader/lander"
    assert not (lander / ".venv").exists()
    machine.assert_only_the_clone()


def test_no_compiler(machine, index):
    machine.add_python()
    done = machine.as_reader("cd lander && make", PIP_INDEX_URL=index.url)
    one_line(done, "no C++ compiler", "sudo apt install g++")
    assert not (machine.root / "home/reader/lander/.venv").exists()


def test_uv_fetches_python_from_a_mirror(machine):
    python_build.mirror(machine.root / "srv/mirror")
    mirror = python_build.settings("/srv/mirror")
    path = "/usr/bin:/bin"  # that build needs libraries of the Python 3.8 there, but is not it
    done = machine.as_reader("cd lander && scripts/setup.sh which", PATH=path, **mirror)
    assert done.stdout.startswith("/home/reader/lander/.setup/python/cpython-3.8.18"), done.stderr
    machine.assert_only_the_clone()
    machine.as_root("rm -rf /home/reader/lander/.setup/python")


def test_no_network(machine):
    machine.install(*packages())
    done = machine.as_reader("cd lander && make", PIP_INDEX_URL="http://127.0.0.1:9/simple")
    one_line(done, "Connection refused", ".setup/build.log")


def test_the_first_command(machine, index):
    machine.as_root("rm -rf /home/reader/lander")
    start = time.monotonic()
    done = machine.as_reader(commands()[0], PIP_INDEX_URL=index.url)
    assert done.returncode == 0, done.stderr[-3000:]
    print(f"\nthe first command took {time.monotonic() - start:.0f} s")
    assert index.refused == []
    assert "LunarLander-v2 is solved" in done.stdout
    shown = re.search(r"wrote (runs/\S+\.gif) instead", done.stdout).group(1)
    lander = machine.root / "home/reader/lander"
    assert (lander / shown).read_bytes()[:6] == b"GIF89a"
    machine.assert_only_the_clone()


def test_the_second_command(machine):
    # `make lock`'s tests want versions that no lock has.
    with LockedIndex(relay=True, locked_only=False) as index:
        done = machine.as_reader(f"cd lander && {commands()[1]}", PIP_INDEX_URL=index.url)
    assert done.returncode == 0, done.stdout[-5000:]
    assert re.search(r"\d+ passed", done.stdout)
    assert "failed" not in done.stdout


def test_a_home_that_cannot_be_written_to(machine, index):
    machine.as_root("rm -rf /home/reader && mkdir /home/reader && rm -rf /srv/work")
    machine.as_root("mkdir /srv/work && chown reader /srv/work")
    done = machine.as_reader(
        "cd /srv/work && git clone --quiet /srv/lander lander && cd lander && make ITERATIONS=1",
        PIP_INDEX_URL=index.url,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.search(r"^ +1 +4,096 ", done.stdout, re.M)
    assert list((machine.root / "home/reader").iterdir()) == []
