"""make lock, make bump, and pip-compile as a user types it, in a copy of the project."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import PROJECT, assert_refused, copy_project, environment

from scripts import lock, package_index
from starter import Problem, preflight

NO_NETWORK = {"PIP_INDEX_URL": "http://joe:secret@127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}
NEW = "99.0"  # what pillow is bumped to
TRIAL = ["installing them for a trial", "running the fast tests"]


@pytest.fixture()
def project(tmp_path, monkeypatch):
    """A committed copy of the project, which lock.py takes for its own."""
    project = copy_project(tmp_path / "project")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *command], cwd=str(project), check=True)
    monkeypatch.setattr(lock, "PROJECT", project)
    return project


@pytest.fixture()
def index():
    try:
        package_index.files("wheel")
    except Problem as problem:
        pytest.skip(f"needs the package index: {problem}")


def git_diff(project):
    return subprocess.check_output(["git", "status", "--porcelain"], cwd=str(project), text=True)


def run_lock(project, *arguments, **variables):
    command = [sys.executable, "-m", "scripts.lock", *arguments]
    env = environment(**variables)
    return subprocess.run(command, cwd=str(project), env=env, capture_output=True, text=True)


@pytest.mark.slow
def test_plain_pip_compile_changes_no_byte(project, index, tmp_path):
    subprocess.run([f"{sys.base_prefix}/bin/python3", "-m", "venv", tmp_path / "own"], check=True)
    own = tmp_path / "own" / "bin"
    subprocess.run([own / "python", "-m", "pip", "install", "-q", "pip-tools"], check=True)
    for folder, arguments in [
        (Path(sys.prefix, "bin"), ""),
        (Path(sys.prefix, "bin"), "-P pillow"),
        (Path(sys.prefix, "bin"), "locks/build.in"),
        (own, "requirements.in"),
        (own, "locks/dev.in"),
    ]:
        path = environment(PATH=f"{folder}:{os.environ['PATH']}")
        command = f"pip-compile {arguments}"
        subprocess.run(command, shell=True, cwd=str(project), env=path, check=True)
        assert git_diff(project) == "", f"{command} of {folder}"


@pytest.mark.slow
def test_a_package_more_moves_no_other_pin(project, index):
    before = {file: preflight.pins(project / file) for file in lock.TXT}
    asked = project / "requirements.in"
    asked.write_text(asked.read_text().replace("\nnumpy ", "\nsqlparse<0.5  # a test\nnumpy "))
    done = run_lock(project)
    assert done.returncode == 0, done.stderr
    assert re.search(r"sqlparse +none +0\.4\.4", done.stdout)
    for file in set(lock.TXT) - {"locks/build.txt", "locks/dev.txt"}:
        assert preflight.pins(project / file) == {**before[file], "sqlparse": "0.4.4"}, file
    for file in ("locks/build.txt", "locks/dev.txt"):
        assert preflight.pins(project / file) == before[file], file


@pytest.mark.slow
def test_a_pin_that_others_exclude_is_explained_in_one_line(project, index):
    done = run_lock(project, "--bump", "ray==2.3.0")
    assert_refused(done, "ray[rllib]==2.3.0", "gymnasium==0.26.3", "the locks are unchanged")
    assert git_diff(project) == ""


def test_no_network(project):
    done = run_lock(project, "--bump", "pillow", **NO_NETWORK)
    assert_refused(done, "Failed to fetch", "the locks are unchanged")
    assert "secret" not in done.stdout + done.stderr
    assert git_diff(project) == ""


def test_interrupted(project):
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.lock", "--bump"],
        cwd=str(project),
        env=environment(**{**NO_NETWORK, "UV_HTTP_RETRIES": "9"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "checking requirements.in ...\n"
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, errors = process.communicate(timeout=60)
    assert errors == "error: interrupted; the locks are unchanged\n"
    assert process.returncode == 1
    assert git_diff(project) == ""


@pytest.mark.parametrize("package", ["pilow", "pillow>=9"])
def test_a_mistyped_package(project, package):
    with pytest.raises(Problem, match=f"no lock has a package {package};.*unchanged"):
        lock.main([package], bump=True)


def test_a_bump_starts_from_committed_files(project):
    with (project / "requirements.in").open("a") as file:
        file.write("sqlparse  # mine\n")
    with pytest.raises(Problem, match=r"M requirements\.in"):
        lock.main(["pillow"], bump=True)
    assert git_diff(project) == " M requirements.in\n"


def record(monkeypatch, fail_at=None, error=None, line=f"pillow=={NEW} \\", verify=0):
    """In the place of `lock.run`: writes what pip-compile would write, or fails at a step."""
    steps, folders = [], set()

    def run(step, command, folder, **variables):
        steps.append(step)
        folders.add(folder)
        if step == fail_at:
            raise error
        if step == "compiling requirements.txt":
            path = Path(folder, "requirements.txt")
            path.write_text(re.sub(r"(?m)^pillow==.*", lambda _: line, path.read_text()))
        if step == TRIAL[0]:
            python = Path(folder, ".venv", "bin", "python")
            python.parent.mkdir(parents=True)
            python.write_text(f"#!/bin/sh\necho $@ >&2; exit {verify}\n")
            python.chmod(0o755)

    monkeypatch.setattr(lock, "run", run)
    return steps, folders


@pytest.mark.parametrize("verify", [0, 1])
def test_a_bump_counts_after_its_tests(project, monkeypatch, capfd, verify):
    old = preflight.pins(project / "requirements.txt")["pillow"]
    steps, _ = record(monkeypatch, verify=verify)
    lock.main(["pillow==99.0 ray==2.3.0", "setuptools==75.3.1"], bump=True)
    assert steps[-2:] == TRIAL
    asked = (project / "requirements.in").read_text()
    assert "\nray[rllib]==2.3.0  # " in asked  # an exact pin moves there too
    assert "\nsetuptools<82  # " in asked and "\npillow  # " in asked
    for file in ("requirements.txt", "locks/linux-aarch64.txt", "locks/darwin-arm64.txt"):
        assert preflight.pins(project / file)["pillow"] == NEW
    said = capfd.readouterr()
    assert re.search(rf"pillow +{old} +{NEW}", said.out)
    assert said.err == "-m scripts.verify --short\n"
    assert ("NOT reproduced" in said.out) == bool(verify)


@pytest.mark.parametrize(
    ("fail_at", "error"),
    [
        (TRIAL[0], Problem("no compiler")),
        (TRIAL[1], Problem("FAILED tests/test_x.py")),
        (TRIAL[1], KeyboardInterrupt()),
        ("compiling locks/darwin-arm64.txt", OSError(28, "No space left on device")),
    ],
)
def test_a_bump_that_fails_changes_nothing(project, monkeypatch, fail_at, error):
    steps, folders = record(monkeypatch, fail_at, error)
    with pytest.raises(Problem, match=r"^[^\n]+; the locks are unchanged$"):
        lock.main(["pillow"], bump=True)
    assert git_diff(project) == ""
    assert steps[-1] == fail_at and not any(folder.exists() for folder in folders)


def test_what_can_have_no_hash_is_refused(project, monkeypatch):
    record(monkeypatch, line="my-env @ file:///path")
    with pytest.raises(Problem, match=r"no hash: my-env @ file:///path;.*unchanged"):
        lock.main([], bump=False)
    assert git_diff(project) == ""


def test_make_passes_the_packages_on():
    command = ["make", "--dry-run", "bump", "PACKAGE=ray==2.3.0 gymnasium==0.26.3"]
    shown = subprocess.check_output(command, cwd=str(PROJECT), text=True)
    assert "scripts.lock --bump ray==2.3.0 gymnasium==0.26.3\n" in shown
