"""Each kind of bad input: one clear line, a non-zero exit, nothing left behind."""

import shutil
import subprocess
import sys
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
        ("main", ["--seed", "one"], ["--seed", "'one' is not a valid integer"]),
        ("main", ["--sede", "1"], ["No such option: --sede"]),
        ("train", ["--workers", "-1"], ["--workers", "-1 is not in the range x>=0"]),
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
        ({"SDL_VIDEODRIVER": "nonsense"}, "no display"),
    ],
)
def test_a_window_that_nobody_can_see(variables, words, tmp_path):
    done = run_here(main.main, "--render", "window", "--output", tmp_path / "runs", **variables)
    assert_refused(done, words, "--render gif")
    assert not (tmp_path / "runs").exists()


def test_only_a_gif_needs_a_folder_to_write_to(tmp_path):
    (tmp_path / "file").touch()
    flags = ["--from-checkpoint", "docs/demo", "--episodes", "1", "--output", tmp_path / "file"]
    done = run_here(watch.watch, *flags, "--render", "none")
    assert (done.returncode, done.stderr) == (0, "")
    assert_refused(run_here(watch.watch, *flags, "--render", "gif"), "cannot write", "--output")


def test_an_unexpected_error_shows_where_it_was_raised(tmp_path):
    """Python's own traceback, without the lines of click and typer: people edit main.py."""
    copy = copy_project(tmp_path)
    script = copy / "main.py"
    script.write_text(script.read_text("utf-8").replace("    # 1. Con", "    1 / 0\n    # 1. Con"))
    done = run_main(cwd=copy)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback") and done.stderr.endswith("division by zero\n")
    assert "1 / 0" in done.stderr and "site-packages" not in done.stderr


def test_another_python():
    """python3.7 to 3.13 may be installed; each must say why it cannot run this."""
    found = [shutil.which(name) for name in ("python3", "python3.11", "python3.12", "python3.7")]
    runs = "import sys; sys.exit((3, 8) <= sys.version_info < (3, 11))"
    found = [one for one in found if one and subprocess.run([one, "-c", runs]).returncode == 0]
    if not found:
        pytest.skip("no Python other than 3.8, 3.9 and 3.10 on this machine")
    for python in found:
        assert_refused(run_main(python=python), "this is Python 3.", "make setup")


def test_outside_the_environment():
    done = run_main(python=Path(sys.base_prefix, "bin", "python3"))
    assert_refused(done, "is not installed", "make setup")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("numpy==1.23.5", "numpy==1.23.4"), "numpy is 1.23.5 here"),
        (lambda text: text + "no-such-package==1.0\n", "no-such-package is not installed"),
        (None, "no lock for this platform"),
    ],
)
def test_another_package_than_the_pinned_one(change, words, tmp_path):
    lock = copy_project(tmp_path) / "requirements.txt"
    if change:
        lock.write_text(change(lock.read_text()))
    else:
        lock.unlink()
    assert_refused(run_main(cwd=tmp_path), words, "make setup")


def test_a_package_that_pythonpath_puts_first(tmp_path):
    metadata = tmp_path / "numpy-1.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Name: numpy\nVersion: 1.0\n")
    done = run_main(PYTHONPATH=str(tmp_path))
    assert_refused(done, "numpy is 1.0 here", "unset PYTHONPATH", "a line to requirements.in")
