"""scripts/lock.py: make lock and make bump, in a copy of the project."""

import functools
import os
import re
import signal
import subprocess
import sys
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from helpers import PROJECT, assert_refused, copy_project, environment
from helpers.wheel import wheel

from scripts import lock

NO_NETWORK = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}
NO_NETWORK.update(PIP_NO_INDEX="", PIP_FIND_LINKS=None, PIP_CONFIG_FILE=os.devnull)


@pytest.fixture()
def project(tmp_path):
    return copy_project(tmp_path / "project")


def state(project):
    """Every file that a lock or a bump may write, and what is left over of one."""
    files = [*project.glob("requirements*"), *project.glob("locks/*"), *project.glob(".*new")]
    left = [path for path in Path(sys.prefix).glob("lock-*") if path.is_dir()]
    return {str(path): path.read_bytes() for path in files}, left


def run_lock(project, *arguments, **variables):
    return subprocess.run(
        [sys.executable, "-m", "scripts.lock", *arguments],
        cwd=str(project),
        env=environment(**variables),
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_nothing_changed_nothing_moves_to_the_byte(project):
    before = state(project)
    done = run_lock(project)
    assert done.returncode == 0, done.stderr
    assert state(project) == before
    assert "replaced" not in done.stdout


@pytest.mark.slow
def test_a_package_more_moves_no_other_pin(project):
    pins = lock.pins(project)
    asked = project / "requirements.in"
    asked.write_text(asked.read_text().replace("\ngym ", "\nsqlparse<0.5  # a test\ngym "))
    done = run_lock(project)
    assert done.returncode == 0, done.stderr
    changes = lock.difference(pins, lock.pins(project))
    assert changes == [("sqlparse", "", "0.4.4")]
    assert re.search(r"sqlparse +not there +0\.4\.4", done.stdout)
    assert "sqlparse" in lock.pins(project)["windows-amd64.txt"]


@pytest.mark.slow
def test_a_pin_that_others_exclude_is_explained_in_one_line(project):
    before = state(project)
    done = run_lock(project, "--bump", "ray==2.3.0")
    assert_refused(done, "ray[rllib]==2.3.0", "gymnasium==0.26.3", "the locks are as they were")
    assert state(project) == before


def test_no_network(project):
    before = state(project)
    done = run_lock(project, "--bump", "pillow", **NO_NETWORK)
    assert_refused(
        done,
        "compiling locks/build.txt failed: ERROR: Could not find a version that satisfies",
        "the locks are as they were",
    )
    assert state(project) == before


@pytest.mark.parametrize(
    ("package", "words"),
    [
        ("pilow", ["no lock has a package pilow"]),
        ("pillow>=9", ["PACKAGE=pillow>=9 is neither a name nor name==version"]),
        ("Pillow", ["no lock has a package Pillow"]),
    ],
)
def test_a_mistyped_package(project, package, words):
    before = state(project)
    assert_refused(run_lock(project, "--bump", package), *words)
    assert state(project) == before


def test_interrupted(project):
    before = state(project)
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.lock", "--bump"],
        cwd=str(project),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "compiling locks/build.txt ...\n"
    time.sleep(1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, errors = process.communicate(timeout=60)
    assert errors == "error: interrupted; the locks are as they were\n"
    assert process.returncode == 1
    assert state(project) == before


def test_hashes_come_from_the_index_not_from_its_files(tmp_path):
    folder = tmp_path / "simple" / "runner"
    folder.mkdir(parents=True)
    _, digest = wheel(folder, "runner", "1.0").strip().split("sha256:")
    files = {"runner-1.0-py3-none-any.whl": digest, "runner-1.0-cp38-cp38-win32.whl": "f" * 64}
    (folder / "index.html").write_text(  # the second file is on the page and nowhere else
        "".join(f'<a href="{name}#sha256={sha}">{name}</a>' for name, sha in files.items())
    )
    (tmp_path / "asked.in").write_text("runner")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/simple"
        done = subprocess.run(
            [sys.executable, "-c", lock.PIP_COMPILE, "compile", "--quiet", "--generate-hashes",
             "--no-emit-options", "--output-file", "asked.txt", "asked.in"],
            cwd=str(tmp_path),
            env=environment(**{**NO_NETWORK, "PIP_INDEX_URL": url}),
            capture_output=True,
            text=True,
        )  # fmt: skip
        server.shutdown()
    assert done.returncode == 0, done.stderr
    assert set(re.findall("sha256:([0-9a-f]{64})", (tmp_path / "asked.txt").read_text())) == {
        digest,
        "f" * 64,
    }


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (  # pip-compile, without a network
            "ERROR: Could not find a version that satisfies the requirement pip==25.0.1\n"
            "Traceback (most recent call last):\n"
            "    raise error from e\n"
            "pip._internal.exceptions.DistributionNotFound: No matching distribution found\n",
            "ERROR: Could not find a version that satisfies the requirement pip==25.0.1",
        ),
        (  # scripts/setup.sh
            "ERROR: Could not install packages due to an OSError: No space left on device\n"
            "\n"
            "error: the installation is not finished (pip says why, above)\n",
            "ERROR: Could not install packages due to an OSError: No space left on device",
        ),
        (  # pytest
            "E   AssertionError\nFAILED tests/test_x.py::test_y - assert 1 == 2\n1 failed in 2s\n",
            "FAILED tests/test_x.py::test_y - assert 1 == 2",
        ),
        ("error: Failed to fetch\n  Caused by: dns error\n", "error: Failed to fetch"),  # uv
        ("OSError: no disk\nbye\n", "OSError: no disk"),
        ("Killed\n", "Killed"),
        ("", "no word"),
    ],
)
def test_the_line_that_says_why(said, line):
    assert lock.reason(said, PROJECT) == line


NEW = "99.0"  # what pillow is bumped to


class Recorded:
    """In the place of `lock.run`: compiles by a stroke of the pen, and fails where told."""

    def __init__(self, monkeypatch, project, failing=None):
        self.steps, self._failing = [], failing
        monkeypatch.setattr(lock, "PROJECT", project)
        monkeypatch.setattr(lock, "run", self.run)

    def run(self, step, command, folder, **variables):
        self.steps.append(step)
        if step == self._failing:
            raise lock.Problem(f"{step} failed")
        if step == "compiling requirements.txt":
            path = Path(folder, "requirements.txt")
            path.write_text(re.sub(r"(?m)^pillow==\S+", f"pillow=={NEW}", path.read_text()))
        if step.startswith("compiling locks/"):
            # uv finds the main lock's new pin in the file, and keeps it.
            assert f"pillow=={NEW}" in Path(folder, step.split()[1]).read_text()


def test_a_bump_counts_only_after_its_tests(project, monkeypatch, capsys):
    before = lock.pins(project)
    recorded = Recorded(monkeypatch, project)
    lock.main(["pillow"], bump=True)
    assert recorded.steps[-3:] == [
        "installing them for a try",
        "running the fast tests",
        "comparing the digits",
    ]
    old = before["requirements.txt"]["pillow"]
    # In every lock that has it. What only another platform has is not lost; what uv would drop
    # from its copy of the main lock is still there.
    moved = lock.difference(before, lock.pins(project))
    assert [change for change in moved if change[1]] == [("pillow", old, NEW)]
    for name in ("windows-amd64.txt", "linux-aarch64.txt", "darwin-arm64.txt"):
        assert lock.pins(project)[name]["pillow"] == NEW
    assert re.search(rf"pillow +{old} +{NEW}", capsys.readouterr().out)


@pytest.mark.parametrize("step", ["installing them for a try", "running the fast tests"])
def test_a_bump_that_fails_its_tests_changes_nothing(project, monkeypatch, step):
    before = state(project)
    Recorded(monkeypatch, project, failing=step)
    with pytest.raises(lock.Problem):
        lock.main(["pillow"], bump=True)
    assert state(project) == before


def test_other_digits_are_said_and_do_not_stop_a_bump(project, monkeypatch, capsys):
    Recorded(monkeypatch, project, failing="comparing the digits")
    lock.main(["pillow"], bump=True)
    assert "make expected" in capsys.readouterr().out
    assert lock.pins(project)["requirements.txt"]["pillow"] == NEW


def test_a_full_disk_changes_nothing(project, monkeypatch):
    before = state(project)
    Recorded(monkeypatch, project)
    whole = Path.write_bytes

    def full(path, data):
        if path.name == ".windows-amd64.txt.new":  # the last of them
            whole(path, data[:100])
            raise OSError(28, "No space left on device", str(path))
        return whole(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(lock.Problem, match=r"No space left on device.*the locks are as they were"):
        lock.main([], bump=True)
    monkeypatch.undo()
    assert state(project) == before


@pytest.mark.parametrize(
    ("package", "line"),
    [
        ("ray==2.3.0", "ray[rllib]==2.3.0  # a reason"),
        ("setuptools==80.1", "setuptools==80.1  # another"),
        ("tensorflow==2.13.0", 'tensorflow==2.13.0; sys_platform != "darwin"'),
        ("pillow==10.3.0", "pillow  # asked for without a bound"),
    ],
)
def test_what_is_asked_for_follows_a_top_level_pin(project, package, line):
    (project / "requirements.in").write_text(
        "ray[rllib]==2.2.0  # a reason\nsetuptools<82  # another\n"
        'tensorflow==2.12.0; sys_platform != "darwin"\n'
        "pillow  # asked for without a bound\n"
    )
    lock.ask_for(package, project)
    assert line in (project / "requirements.in").read_text().splitlines()


def test_the_main_lock_is_compiled_on_its_own_platform(monkeypatch):
    monkeypatch.setattr(lock.platform, "machine", lambda: "arm64")
    with pytest.raises(lock.Problem, match=r"for Linux x86_64 and Python 3\.8, .* arm64"):
        lock.refuse_other_platforms()


def test_make_passes_the_packages_on():
    shown = subprocess.run(
        ["make", "--dry-run", "bump", "PACKAGE=ray==2.3.0 gymnasium==0.26.3"],
        cwd=str(PROJECT),
        capture_output=True,
        text=True,
    )
    assert "scripts.lock --bump ray==2.3.0 gymnasium==0.26.3\n" in shown.stdout
