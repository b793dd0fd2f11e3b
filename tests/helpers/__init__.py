"""What several tests share: the commands, run as a user runs them or in this process."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

PROJECT = Path(__file__).resolve().parents[2]


def environment(**changes):
    """Return this process's environment without a display, with these changes (None: unset)."""
    changes = {"DISPLAY": None, "WAYLAND_DISPLAY": None, "SDL_VIDEODRIVER": None, **changes}
    merged = {**os.environ, **changes}
    return {name: str(value) for name, value in merged.items() if value is not None}


def run_main(*flags, cwd=PROJECT, python=sys.executable, script="main.py", before=(), **changes):
    """Run main.py or another script, through the command `before` if there is one.

    Returns:
        A `CompletedProcess` with stdout and stderr as text.
    """
    return _run([*before, python, Path(cwd, script), *flags], cwd, changes)


def run_here(function, *flags, **changes):
    """Run a command line such as `main.main` in this process, which saves its imports.

    Returns:
        The same as `run_main`.
    """
    from starter import console

    out, err = io.StringIO(), io.StringIO()
    with mock.patch.object(sys, "argv", ["main.py", *map(str, flags)]), mock.patch.dict(
        os.environ, environment(**changes), clear=True
    ), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            console.run(function)
        except SystemExit as end:
            status = end.code or 0
    return subprocess.CompletedProcess(flags, status, out.getvalue(), err.getvalue())


def run_code(code, **changes):
    """Run these lines of Python in the project's folder, as `run_main` runs a script."""
    return _run([sys.executable, "-c", code], PROJECT, changes)


def _run(command, cwd, changes):
    return subprocess.run(
        [str(word) for word in command],
        cwd=str(cwd),
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=600,
    )


def copy_project(folder):
    """Copy this project to another folder, as it is before set-up; return the folder."""
    unwanted = shutil.ignore_patterns(".git", ".venv", ".setup", "runs", "__pycache__", ".*cache")
    return shutil.copytree(PROJECT, folder, symlinks=True, ignore=unwanted, dirs_exist_ok=True)


def assert_refused(done, *words, status=1):
    """Assert one line on stderr that holds `words`, that exit status, and no traceback."""
    assert done.returncode == status, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("error: ")
    for word in words:
        assert word in done.stderr
