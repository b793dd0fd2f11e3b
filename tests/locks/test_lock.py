"""make lock and make bump, in a copy of the project."""

import re
import shutil
import signal
import subprocess
import sys

import pytest
from helpers import PROJECT, assert_refused, copy_project, environment
from helpers.processes import wait_for
from helpers.wheel import wheel

from scripts.maintain import lock

# As the Makefile calls it; as on a Mac, where uv compiles all locks, so that no test of a small
# project needs pip-compile and a network.
COMMAND = '. scripts/uv.sh && exec {} {} scripts/maintain/lock.py "$@"'
ON_A_MAC = """-c 'import platform, runpy, sys
platform.machine = lambda: "arm64"
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")'"""


def start(project, *arguments, how="", **variables):
    return subprocess.Popen(
        ["sh", "-c", COMMAND.format(sys.executable, how), "sh", *arguments],
        cwd=str(project),
        env=environment(PYTHONPATH=project, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(*arguments, **options):
    process = start(*arguments, **options)
    stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


def texts(project):
    return {file: (project / file).read_text() for file in (*lock.LOCKS, *lock.SOURCES)}


# In the place of set-up: a Python that takes note of what it is told, and ends as a test wants.
SETUP = """mkdir -p .venv/bin
cat > .venv/bin/python <<'END'
#!/bin/sh
echo "$@" >> "$CALLS"
[ "$1" != -m ] || eval "$TESTS; exit"
exit "${VERIFY:-0}"
END
chmod +x .venv/bin/python
"""


class Small:
    """A project of three packages, with versions 1.0 and 2.0 on an index of its own."""

    def __init__(self, folder):
        self.project, self.calls = folder / "project", folder / "calls"
        shutil.copytree(str(PROJECT / "starter"), str(self.project / "starter"))
        (self.project / "scripts/maintain").mkdir(parents=True)
        (self.project / "locks").mkdir()
        for name in ("scripts/uv.sh", "scripts/maintain/lock.py"):
            shutil.copy(str(PROJECT / name), str(self.project / name))
        (self.project / "scripts/setup.sh").write_text(SETUP)
        packages = {"locks/build": "builder", "requirements": "runner", "locks/dev": "tester"}
        for name, package in packages.items():
            wheel(folder / "index", package, "2.0")
            pin = wheel(folder / "index", package, "1.0")
            (self.project / f"{name}.in").write_text(f"{package}\n")
            for file, (source, _) in lock.LOCKS.items():
                if source == f"{name}.in":
                    (self.project / file).write_text(pin)
        self.variables = {
            "UV_DEFAULT_INDEX": (folder / "index").as_uri(),
            "UV_CACHE_DIR": folder / "cache",
            "CALLS": self.calls,
            "TESTS": "true",
        }

    def run(self, *arguments, **variables):
        return run(self.project, *arguments, how=ON_A_MAC, **{**self.variables, **variables})

    def versions(self, package):
        pins = [lock.pins(self.project / file) for file in lock.LOCKS]
        return {found[package][0] for found in pins if package in found}


@pytest.fixture()
def small(tmp_path):
    return Small(tmp_path)


def test_lock_moves_nothing(small):
    done = small.run()
    assert done.returncode == 0, done.stderr
    assert "no pin moves" in done.stdout
    assert not small.calls.exists()
    assert [small.versions(name) for name in ("builder", "runner", "tester")] == [{"1.0"}] * 3


def test_files_that_the_index_has_lost_are_named(small):
    (small.project / "requirements.in").write_text("runner<2\n")
    pins = small.project / "requirements.txt"
    pins.write_text(pins.read_text().rstrip() + f" --hash=sha256:{'0' * 64}\n")
    done = small.run("--bump")
    assert done.returncode == 0, done.stderr
    assert "warning: requirements.txt: the index has fewer files of runner 1.0" in done.stdout


@pytest.mark.parametrize(("verify", "verdict"), [("0", "reproduces"), ("1", "NOT reproduced")])
def test_a_bump_says_what_it_checked(small, verify, verdict):
    done = small.run("--bump", "runner", VERIFY=verify)
    assert done.returncode == 0, done.stderr
    assert re.search(r"runner +1\.0 +2\.0", done.stdout)
    assert verdict in done.stdout.splitlines()[-1]
    assert (small.versions("runner"), small.versions("tester")) == ({"2.0"}, {"1.0"})
    tests, compared = small.calls.read_text().splitlines()
    assert tests.startswith("-m pytest") and compared == "scripts/verify.py --short"


def test_a_bump_to_a_version_moves_an_exact_pin_there(small):
    (small.project / "requirements.in").write_text("runner==1.0  # the pin\n")
    done = small.run("--bump", "runner==2.0 builder")
    assert done.returncode == 0, done.stderr
    assert (small.project / "requirements.in").read_text() == "runner==2.0  # the pin\n"
    assert (small.versions("runner"), small.versions("builder")) == ({"2.0"}, {"2.0"})


def test_what_fails_leaves_the_locks_as_they_were(small):
    before = texts(small.project)
    unchanged = "the locks are unchanged"
    assert_refused(small.run("--bump", TESTS="exit 1"), "running the fast tests failed", unchanged)
    assert_refused(small.run("--bump", "runer"), "no lock has a package runer", unchanged)
    assert_refused(small.run("--bump", "runner==3.0"), "runner==3.0", unchanged)
    offline = {"UV_DEFAULT_INDEX": "http://joe:secret@127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}
    done = small.run("--bump", **offline, UV_CACHE_DIR=small.project / "cache")
    assert_refused(done, "127.0.0.1:9", unchanged)
    assert "secret" not in done.stdout + done.stderr
    process = start(
        small.project, "--bump", how=ON_A_MAC, **{**small.variables, "TESTS": "sleep 99"}
    )
    small.calls.unlink()
    wait_for(small.calls.exists, "the tests")
    process.send_signal(signal.SIGINT)
    assert process.communicate()[1] == f"error: interrupted; {unchanged}\n"
    assert texts(small.project) == before


def test_what_can_have_no_hash_is_refused(small, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/pyproject.toml").write_text("[project]\nname = 'mine'\nversion = '1'\n")
    before = texts(small.project)
    with (small.project / "requirements.in").open("a") as asked:
        asked.write(f"mine @ {(tmp_path / 'mine').as_uri()}\n")
    assert_refused(small.run(), "no hash: mine @ file:", "the locks are unchanged")
    assert (small.project / "requirements.txt").read_text() == before["requirements.txt"]


# With the real packages, from the index.


@pytest.fixture()
def project(tmp_path):
    return copy_project(tmp_path / "project")


def run_or_skip(*arguments):
    done = run(*arguments)
    if "Failed to fetch" in done.stderr:
        pytest.skip(f"needs the package index: {done.stderr}")
    return done


@pytest.mark.slow
def test_a_package_more_moves_no_other_pin(project):
    before = {file: lock.pins(project / file) for file in lock.LOCKS}
    asked = project / "requirements.in"
    asked.write_text(asked.read_text().replace("\nnumpy ", "\nsqlparse<0.5  # a test\nnumpy "))
    done = run_or_skip(project)
    assert done.returncode == 0, done.stderr
    assert re.search(r"sqlparse +none +0\.4\.4", done.stdout)
    for file, pins in before.items():
        after = lock.pins(project / file)
        assert after.pop("sqlparse", ("0.4.4",))[0] == "0.4.4"
        assert after == pins


@pytest.mark.slow
def test_versions_that_exclude_each_other_are_named_in_one_line(project):
    before = texts(project)
    done = run_or_skip(project, "--bump", "ray==2.3.0")
    assert_refused(done, "ray[rllib]==2.3.0", "gymnasium==0.26.3", "the locks are unchanged")
    assert texts(project) == before
