"""Each kind of bad input: one clear line, a non-zero exit, nothing left behind."""

import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest
from helpers import assert_refused, copy_project, run_here, run_main

import main
from scripts import train, watch

COMMANDS = {"main": main.main, "train": train.train, "watch": watch.watch}


@pytest.mark.parametrize(
    ("command", "flags", "words"),
    [
        ("main", ["--iterations", "0"], ["--iterations", "0 is not in the range x>=1"]),
        ("main", ["--iterations", "abc"], ["--iterations", "'abc' is not a valid integer"]),
        ("main", ["--seed", "-1"], ["--seed", "-1 is not in the range x>=0"]),
        ("main", ["--episodes", "0"], ["--episodes", "0 is not in the range x>=1"]),
        ("main", ["--render", "hologram"], ["--render", "'auto', 'window', 'gif', 'none'"]),
        ("main", ["--sede", "1"], ["No such option: --sede"]),
        ("main", ["surplus"], ["unexpected extra argument"]),
        ("train", ["--workers", "-1"], ["--workers", "-1 is not in the range x>=0"]),
        ("train", ["--stop-reward", "high"], ["--stop-reward", "'high' is not a valid float"]),
        ("watch", ["--iterations", "3"], ["No such option: --iterations"]),
    ],
)
def test_a_mistyped_flag(command, flags, words, tmp_path):
    done = run_here(COMMANDS[command], *flags, "--output", tmp_path / "runs")
    assert_refused(done, *words, status=2)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "DISPLAY"),
        ({"DISPLAY": ":4711"}, "no display"),  # nothing answers there
        ({"SDL_VIDEODRIVER": "dummy"}, "dummy driver shows nothing"),
    ],
)
def test_a_window_that_nobody_can_see(variables, words, tmp_path):
    done = run_here(main.main, "--render", "window", "--output", tmp_path / "runs", **variables)
    assert_refused(done, words, "--render gif")
    assert not (tmp_path / "runs").exists()


@lru_cache(None)
def other_pythons():
    found = []
    for name in ("python3.7", "python3.11", "python3.12", "python3.13"):
        for candidate in (shutil.which(name), *Path.home().glob(f".pyenv/versions/*/bin/{name}")):
            runs = candidate and subprocess.run([str(candidate), "-c", ""], capture_output=True)
            if runs and runs.returncode == 0:
                found.append((str(candidate), name[len("python") :]))
                break
    return found


@pytest.mark.parametrize("script", ["main.py", "scripts.train", "scripts.watch"])
def test_another_python(script):
    if not other_pythons():
        pytest.skip("no Python other than 3.8, 3.9 and 3.10 on this machine")
    for python, version in other_pythons():
        done = run_main(python=python, script=script)
        assert_refused(done, f"this is Python {version}", "make setup")


def test_outside_the_environment():
    done = run_main(python=Path(sys.base_prefix, "bin", "python3"))
    assert_refused(done, "is not installed", "make setup")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda lock: lock.replace("numpy==1.23.5", "numpy==1.23.4"),
            "numpy is 1.23.5 here and 1.23.4 in the lock",
        ),
        (lambda lock: lock + "no-such-package==1.0\n", "no-such-package is not installed"),
    ],
)
def test_another_package_than_the_pinned_one(change, words, tmp_path):
    copy = copy_project(tmp_path)
    lock = copy / "requirements.txt"
    lock.write_text(change(lock.read_text()))
    assert_refused(run_main(cwd=copy), words, "make setup")


def test_a_package_that_pythonpath_puts_first(tmp_path):
    metadata = tmp_path / "numpy-1.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Name: numpy\nVersion: 1.0\n")
    done = run_main(PYTHONPATH=str(tmp_path))
    assert_refused(done, "numpy is 1.0 here", "unset PYTHONPATH")
