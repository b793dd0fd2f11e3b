"""One line for an error in the user's code: what failed, why, and where."""

import inspect
import os
import sysconfig
import traceback
from contextlib import AbstractContextManager, suppress
from typing import Any

import gymnasium

from starter import PROJECT, Problem

PLACES = [sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")]
NOT_THE_USERS = tuple(os.path.join(place, "") for place in [*PLACES, PROJECT / "starter"])
NOT_EAGER = "training switches TensorFlow's eager execution off; use a tf.compat.v1.Session"
HINTS = {  # what Python and TensorFlow say, and what to do
    "argument 'seed'": "it must begin with def reset(self, *, seed=None, options=None)",
    "to unpack (expected 2": "it must return observation and info",
    "to unpack (expected 5": "it must return observation, reward, terminated, truncated and info",
    **dict.fromkeys(("EagerTensor", "symbolic tf.Tensor", "attribute 'numpy'"), NOT_EAGER),
}


class Invalid(ValueError):
    """A space that cannot be learned, or a value that breaks gymnasium's interface."""


class blaming(AbstractContextManager):
    """Turns an error inside `with` into a `Problem`: what failed, why, the user's file and line.

    If the traceback has no line of the user's code, the line is where `source`, a function or a
    class, is defined, or its `method`.
    """

    def __init__(self, what: str, source: Any = None, method: str = ""):
        self._what, self._where = what, (source, method)

    def __exit__(self, kind, error, trace):
        if isinstance(error, (Exception, SystemExit)):
            raise Problem(f"{self._what}: {_said(error, *self._where)}") from error


def _said(error, source, method):
    said = " ".join(str(error).split())
    if not isinstance(error, (Invalid, gymnasium.error.Error)):
        said = f"{type(error).__name__}: {said}" if said else type(error).__name__
    hints = [f"; {hint}" for words, hint in HINTS.items() if words in said]
    frames = reversed(traceback.extract_tb(error.__traceback__))
    places = [(frame.filename, frame.lineno) for frame in frames]
    for part in (getattr(source, method, None), source):
        with suppress(TypeError, OSError):  # it is not Python's, or its file is not here
            places.append((inspect.getsourcefile(part), inspect.getsourcelines(part)[1]))
    where = [f" ({file}, line {line})" for file, line in places if is_users(file)]
    return "".join([said, *hints[:1], *where[:1]])


def is_users(file: str) -> bool:
    """Whether a file belongs neither to Python, nor to an installed package, nor to starter."""
    return not os.path.abspath(file).startswith(NOT_THE_USERS) and not file.startswith("<")


def author(env: gymnasium.Env) -> type:
    """Return the class of an environment, or of its outermost wrapper that the user wrote."""
    while hasattr(env, "env") and type(env).__module__.startswith(("gymnasium.", "starter.")):
        env = env.env
    return type(env)


def shorten(value: Any) -> str:
    """Return a space or a value in one line of at most 200 characters."""
    words = " ".join(str(value).split())
    return words if len(words) <= 200 else f"{words[:197]}..."
