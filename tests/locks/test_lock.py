"""make lock and make bump, on a small project with an index of its own, and on this one."""

import re
import shutil
import signal
import sys

import pytest
from helpers import PROJECT, assert_refused, copy_project, environment
from helpers.processes import wait_for
from helpers.small import run, start, wheel

from scripts.maintain import lock
from starter.preflight import pins

OFFLINE = {"UV_DEFAULT_INDEX": "http://joe:secret@127.0.0.1:9/simple", "UV_HTTP_RETRIES": 0}
# As on a Mac: uv compiles all locks there, so that a small project needs no pip-compile.
ON_A_MAC = """import platform, runpy, sys
platform.machine = lambda: "arm64"
runpy.run_path("scripts/maintain/lock.py", run_name="__main__")
"""
# In the place of set-up: a Python that takes note of its arguments, and ends as a test wants.
SETUP = """mkdir -p .venv/bin
cat > .venv/bin/python <<'END'
#!/bin/sh
echo "$@" >> "$CALLS"
[ "$1" != -m ] || eval "$TESTS; exit"
exit "$VERIFY"
END
chmod +x .venv/bin/python
"""


class Small:
    """Three packages at version 1.0, which also have a version 2.0."""

    def __init__(self, folder):
        self.project, self.calls = folder / "project", folder / "calls"
        shutil.copytree(PROJECT / "starter", self.project / "starter")
        shutil.copytree(PROJECT / "scripts", self.project / "scripts")
        (self.project / "scripts/setup.sh").write_text(SETUP)
        (self.project / "locks").mkdir()
        for source, package in zip(lock.SOURCES, ("builder", "tester", "runner")):
            (self.project / source).write_text(f"{package}\n")
            wheel(folder / "index", package, "2.0")
            pin = wheel(folder / "index", package, "1.0")
            for file in [file for file, made in lock.LOCKS.items() if made[0] == source]:
                (self.project / file).write_text(pin)
        self.settings = {
            **{"UV_DEFAULT_INDEX": (folder / "index").as_uri(), "UV_CACHE_DIR": folder / "cache"},
            **{"PYTHONPATH": self.project, "CALLS": self.calls, "TESTS": "true", "VERIFY": 0},
        }

    def start(self, *arguments, function=start, **variables):
        command = [sys.executable, "-c", ON_A_MAC, *arguments]
        return function(self.project, command, environment(**{**self.settings, **variables}))

    def run(self, *arguments, **variables):
        return self.start(*arguments, function=run, **variables)

    def files(self):
        return {file: (self.project / file).read_text() for file in [*lock.LOCKS, *lock.SOURCES]}

    def versions(self, package):
        found = [pins(self.project / file) for file in lock.LOCKS]
        return {versions[package] for versions in found if package in versions}


@pytest.fixture()
def small(tmp_path):
    return Small(tmp_path)


def test_lock_moves_nothing(small):
    done = small.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert "no pin moves" in done.stdout
    assert [small.versions(name) for name in ("builder", "runner", "tester")] == [{"1.0"}] * 3


def test_a_new_lock_is_compiled_or_not_there(small):
    new = small.project / "locks/linux-aarch64.txt"
    new.unlink()
    assert small.run(**OFFLINE).returncode == 1
    assert not new.exists()
    assert small.run().returncode == 0
    assert pins(new) == {"runner": "1.0"}


@pytest.mark.parametrize(("verify", "verdict"), [(0, "reproduces"), (1, "NOT reproduced")])
def test_a_bump_says_what_moved_and_what_was_checked(small, verify, verdict):
    (small.project / "locks/build.in").write_text("builder<2\n")
    build = small.project / "locks/build.txt"
    build.write_text(build.read_text().rstrip() + f" --hash=sha256:{'0' * 64}\n")
    done = small.run("--bump", VERIFY=verify)
    assert done.returncode == 0, done.stderr
    assert re.search(r"runner +1\.0 +2\.0", done.stdout)
    assert "warning: locks/build.txt: the index has fewer files of builder" in done.stdout
    assert verdict in done.stdout.splitlines()[-1]
    assert (small.versions("runner"), small.versions("builder")) == ({"2.0"}, {"1.0"})
    tests, compared = small.calls.read_text().splitlines()
    assert tests.startswith("-m pytest") and compared == "scripts/verify.py --short"


def test_a_bump_to_a_version_moves_an_exact_pin_there(small):
    (small.project / "requirements.in").write_text("runner==1.0  # the pin\n")
    assert small.run("--bump", "runner==2.0").returncode == 0
    assert (small.project / "requirements.in").read_text() == "runner==2.0  # the pin\n"
    assert (small.versions("runner"), small.versions("tester")) == ({"2.0"}, {"1.0"})


@pytest.mark.parametrize(
    ("package", "variables", "words"),
    [
        ("runner", {"TESTS": "exit 1"}, "running the fast tests failed"),
        ("runer", {}, "no lock has a package runer"),
        ("runner", OFFLINE, "127.0.0.1:9"),
    ],
)
def test_what_fails_leaves_the_locks_as_they_were(small, package, variables, words):
    before = small.files()
    done = small.run("--bump", package, **variables)
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "secret" not in done.stdout + done.stderr
    assert small.files() == before


def test_ctrl_c_leaves_the_locks_as_they_were(small):
    before = small.files()
    process = small.start("--bump", TESTS="exec sleep 99")
    wait_for(small.calls.exists, "the tests")
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert small.files() == before


def test_what_can_have_no_hash_is_refused(small, tmp_path):
    before = (small.project / "requirements.txt").read_text()
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'mine'\nversion = '1'\n")
    (small.project / "requirements.in").write_text(f"mine @ {tmp_path.as_uri()}\n")
    assert_refused(small.run(), "no hash: mine @ file:")
    assert (small.project / "requirements.txt").read_text() == before


@pytest.mark.slow
def test_a_package_more_moves_no_other_pin(tmp_path):
    project = copy_project(tmp_path / "project")
    before = {file: lock.parts(project / file) for file in lock.LOCKS}
    asked = project / "requirements.in"
    asked.write_text(asked.read_text().replace("\nnumpy ", "\nsqlparse<0.5  # a test\nnumpy "))
    command = f". scripts/uv.sh && exec {sys.executable} scripts/maintain/lock.py"
    done = run(project, ["sh", "-c", command], environment(PYTHONPATH=project))
    if "Failed to fetch" in done.stderr:
        pytest.skip(f"needs the package index: {done.stderr}")
    assert done.returncode == 0, done.stderr
    assert re.search(r"sqlparse +none +0\.4\.4", done.stdout)
    for file, parts in before.items():
        after = lock.parts(project / file)
        assert after.pop("sqlparse", "sqlparse==0.4.4").startswith("sqlparse==0.4.4")
        assert after == parts
