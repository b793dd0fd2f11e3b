"""What went wrong in an environment, and where, in one line."""

import os
import sysconfig
import traceback
from typing import Any

import gymnasium

from starter import Problem

# What code of the user's may raise, sys.exit() included.
ANYTHING = (Exception, SystemExit)
OURS = ("gymnasium.wrappers.", "starter.")  # modules of wrappers that the user did not write


def failure(what: str, error: BaseException) -> Problem:
    """Return a problem that says what failed, why, and in which line of the user's.

    The traceback goes along, also from a worker process, in which it is lost otherwise.
    """
    problem = Problem(f"{what}: {words(error)}{_line(error)}")
    problem.traceback = "".join(
        traceback.format_exception(type(error), error, error.__traceback__)
    )
    return problem


def words(error: BaseException) -> str:
    """Return an exception in one line."""
    said = " ".join(str(error).split())
    if isinstance(error, gymnasium.error.Error) and said:
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _line(error):
    """The innermost line that lies in no package, or else the innermost of all."""
    if isinstance(error, SyntaxError):
        return f" ({error.filename}, line {error.lineno})"
    lines = traceback.extract_tb(error.__traceback__)[1:]  # the first one is this project's
    lines = [line for line in lines if not installed(line.filename)] or lines
    return f" ({lines[-1].filename}, line {lines[-1].lineno})" if lines else ""


def installed(path: str) -> bool:
    """Whether a file belongs to Python or to an installed package."""
    places = (sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))
    return path.startswith(("<", *(os.path.join(place, "") for place in places)))


def author(env: gymnasium.Env) -> str:
    """Return the class of an environment, or of its outermost wrapper that the user wrote.

    It comes with its file, unless that is an installed package's: `Room in /home/me/room.py`.
    """
    while hasattr(env, "env") and type(env).__module__.startswith(OURS):
        env = env.env
    file = _file(type(env))
    return type(env).__name__ if installed(file) else f"{type(env).__name__} in {file}"


def _file(kind: Any):
    for base in kind.__mro__:
        for member in vars(base).values():
            code = getattr(member, "__code__", None)
            if code:
                return code.co_filename
    return kind.__module__
