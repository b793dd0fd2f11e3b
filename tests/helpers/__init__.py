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
PARTS = (
    *("main.py", "Makefile", ".tool-versions", "pyproject.toml", "locks", "starter", "scripts"),
    *(
        "README.md",
        "docs",
        "examples",
        "tests",
        *(path.name for path in PROJECT.glob("requirements*")),
    ),
)


def environment(**changes):
    """Return this process's environment without a display, with these changes (None: unset)."""
    changes = {"DISPLAY": None, "WAYLAND_DISPLAY": None, "SDL_VIDEODRIVER": None, **changes}
    merged = {**os.environ, **changes}
    return {name: str(value) for name, value in merged.items() if value is not None}


def run_main(*flags, cwd=PROJECT, python=sys.executable, script="main.py", before=(), **changes):
    """Run main.py or a module of scripts/, through the command `before` if there is one.

    Returns:
        A `CompletedProcess` with stdout and stderr as text.
    """
    program = [Path(cwd) / script] if script.endswith(".py") else ["-m", script]
    return _run([*before, python, *program, *flags], cwd, changes)


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
    """Copy what of this project runs to another folder; return the folder."""
    Path(folder).mkdir(exist_ok=True)
    for name in PARTS:
        if (PROJECT / name).is_dir():
            shutil.copytree(str(PROJECT / name), str(Path(folder, name)), symlinks=True)
        else:
            shutil.copy(str(PROJECT / name), str(Path(folder, name)))
    return Path(folder)


def assert_refused(done, *words, status=1):
    """Assert one line on stderr that holds `words`, that exit status, and no traceback."""
    assert done.returncode == status, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("error: ")
    for word in words:
        assert word in done.stderr
