"""What several tests share: main.py run as a user runs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PARTS = (
    *("main.py", "Makefile", ".tool-versions", "pyproject.toml", "locks", "starter", "scripts"),
    *("docs", "tests", *(path.name for path in PROJECT.glob("requirements*"))),
)


def environment(**changes):
    """This process's environment without a display, changed as told (None: unset)."""
    changes = {"DISPLAY": None, "WAYLAND_DISPLAY": None, "SDL_VIDEODRIVER": None, **changes}
    merged = {**os.environ, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def run_main(*flags, cwd=PROJECT, python=sys.executable, script="main.py", before=(), **changes):
    """Run main.py or a module of scripts/, through the command `before` if there is one.

    Gives a `CompletedProcess` with stdout and stderr as text.
    """
    program = [Path(cwd) / script] if script.endswith(".py") else ["-m", script]
    return _run([*before, python, *program, *flags], cwd, changes)


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
    """What of this project runs, in another folder; gives the folder."""
    Path(folder).mkdir(exist_ok=True)
    for name in PARTS:
        if (PROJECT / name).is_dir():
            shutil.copytree(str(PROJECT / name), str(Path(folder, name)), symlinks=True)
        else:
            shutil.copy(str(PROJECT / name), str(Path(folder, name)))
    return Path(folder)


def assert_refused(done, *words, status=1):
    """One line on stderr that holds `words`, that exit status, and no traceback."""
    assert done.returncode == status, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("error: ")
    for word in words:
        assert word in done.stderr
