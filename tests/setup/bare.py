"""The README's two commands on a bare machine, as an ordinary user: `make test-bare`.

The machine is a minimal Debian (or Ubuntu, on one) that debootstrap makes, with what the README
has a newcomer install. Python 3.8 comes from a mirror of uv's downloads on it. The tests build on
each other. Their file's name keeps them out of `make test`: they take root and many minutes.
"""

import os
import re
import shutil
import subprocess

import pytest
from helpers import PROJECT, python_build

README = (PROJECT / "README.md").read_text("utf-8")
FIRST, SECOND = re.findall(r"^```sh\n(.*?)\n```", README, re.M | re.S)[:2]
PACKAGES = re.search(r"sudo apt install ([^`]+)`", README).group(1)
# What the mirror's Python links to; the ones that uv downloads bring it.
LIBRARIES = "libssl3 libffi8 zlib1g libbz2-1.0 liblzma5 libsqlite3-0"
KEPT = ("PIP_INDEX_URL", "PIP_CERT", "SSL_CERT_FILE", "http_proxy", "https_proxy", "no_proxy")

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("debootstrap"), reason="needs root and debootstrap"
)


class Machine:
    """A root of its own, with the user `reader`, seen from outside at `root`."""

    def __init__(self, root):
        self.root, self.settings = root, {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
        with open("/etc/os-release") as about:  # the same release as here, from the same mirror
            release = re.search(r"^VERSION_CODENAME=(\w+)$", about.read(), re.M).group(1)
        targets = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
        mirrors = subprocess.check_output(targets, text=True).split()
        mirror = next(mirror for mirror in mirrors if "security" not in mirror)
        debootstrap = ["debootstrap", "--variant=minbase", release, str(root), mirror]
        subprocess.run(debootstrap, check=True, stdout=subprocess.DEVNULL)
        for name in filter(os.environ.get, KEPT):  # how this machine reaches an index
            self.settings[name] = os.environ[name]
            if os.path.isfile(os.environ[name]):
                inside = root / os.environ[name].lstrip("/")
                inside.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(os.environ[name], str(inside))
        clone = ["git", "clone", "--quiet", "--bare", str(PROJECT), str(root / "srv/lander")]
        subprocess.run(clone, check=True)
        self.settings.update(python_build.mirror(root / "srv/mirror", "/srv/mirror"))
        self.as_root("useradd --create-home reader && chown -R reader /srv")

    def install(self, packages):
        self.as_root(
            "apt-get update -qq && DEBIAN_FRONTEND=noninteractive "
            f"apt-get install -y -qq --no-install-recommends {packages}"
        )

    def as_root(self, command):
        done = self.run(command, "root")
        assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]

    def run(self, command, user="reader", **variables):
        """Run a command in the user's home, with the variables of a plain login."""
        settings = {"HOME": f"/home/{user}", **self.settings, **variables}
        login = " ".join(f"'{name}={value}'" for name, value in settings.items())
        inner = f"exec chroot --userspec={user} {self.root} env -i {login} "
        inner += f"sh -c 'cd ~ 2>/dev/null || cd /; {command}'"
        # In namespaces of its own, which take the mount and every process along at the end.
        return subprocess.run(
            [*("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c"),
             f"mount -t proc proc {self.root}/proc && {inner}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )  # fmt: skip


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    root = tmp_path_factory.mktemp("bare") / "root"
    yield Machine(root)
    shutil.rmtree(str(root))


def refused(done, *words):
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make: ")]
    assert done.returncode and lines[-1].startswith("error: "), done.stderr
    for word in words:
        assert word in lines[-1]


def test_what_is_missing_is_named(machine):
    machine.install(f"git make {LIBRARIES}")
    refused(machine.run(FIRST.replace("ADDRESS", "/srv/lander")), "apt install python3-venv")
    machine.install("python3-venv")
    offline = machine.run("cd lander && make", PIP_INDEX_URL="http://127.0.0.1:9/simple")
    refused(offline, "pip could not get uv")
    refused(machine.run("cd lander && make"), "apt install g++")
    assert not (machine.root / "home/reader/lander/.venv").exists()
    machine.as_root("rm -rf /home/reader/lander")


def test_the_first_command(machine):
    machine.install(PACKAGES)
    done = machine.run(FIRST.replace("ADDRESS", "/srv/lander"))
    assert done.returncode == 0, done.stderr[-3000:]
    assert "LunarLander-v2 is solved" in done.stdout
    lander = machine.root / "home/reader/lander"
    shown = re.search(r"wrote (runs/\S+\.gif) instead", done.stdout).group(1)
    assert (lander / shown).read_bytes()[:6] == b"GIF89a"
    # Nothing else is in the reader's home but the caches of pip and uv.
    assert {path.name for path in lander.parent.iterdir() if path.is_dir()} == {".cache", "lander"}
    assert {path.name for path in (lander.parent / ".cache").iterdir()} <= {"pip", "uv"}


def test_the_second_command(machine):
    done = machine.run(f"cd lander && {SECOND}")
    assert done.returncode == 0, done.stdout[-5000:]
    assert re.search(r"\d+ passed", done.stdout)


def test_a_home_that_cannot_be_written_to(machine):
    machine.as_root("rm -rf /home/reader && mkdir /home/reader && rm -rf /srv/work")
    machine.as_root("mkdir /srv/work && chown reader /srv/work")
    command = "cd /srv/work && git clone --quiet /srv/lander lander && cd lander && "
    done = machine.run(command + 'make ITERATIONS=1 ARGS="--render none"')
    assert done.returncode == 0, done.stderr[-3000:]
    assert list((machine.root / "home/reader").iterdir()) == []
