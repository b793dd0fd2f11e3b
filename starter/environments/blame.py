"""One line for an error in the user's code: what failed, why, and where."""

import os
import sysconfig
import traceback
from typing import Any

import gymnasium

from starter import PROJECT, Problem

ANYTHING = (Exception, SystemExit)  # what the user's code may raise
PLACES = [sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")]
PACKAGES = ("<", *(os.path.join(place, "") for place in PLACES))
NOT_EAGER = "training switches TensorFlow's eager execution off; use a tf.compat.v1.Session"
HINTS = {  # what Python and TensorFlow say, and what to do
    "argument 'seed'": "it must begin with def reset(self, *, seed=None, options=None)",
    "to unpack (expected 2": "it must return observation and info",
    "to unpack (expected 5": "it must return observation, reward, terminated, truncated and info",
    "unpack non-iterable": "it must return a tuple",
    **dict.fromkeys(("EagerTensor", "symbolic tf.Tensor", "attribute 'numpy'"), NOT_EAGER),
}


class Invalid(ValueError):
    """A space that cannot be learned, or a value that breaks gymnasium's interface."""


def problem(what: str, error: BaseException, source: Any = None, method: str = "") -> Problem:
    """Return the `Problem` to raise from an error: what failed, why, and the user's file and line.

    Without a line of the user's in the traceback, it is the first one of `source`, a function or
    a class, or of that class's `method`.
    """
    said = " ".join(str(error).split())
    if not isinstance(error, (Invalid, gymnasium.error.Error)):
        said = f"{type(error).__name__}: {said}" if said else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    places = [(frame.filename, frame.lineno) for frame in reversed(frames)]
    if isinstance(error, SyntaxError):
        places.insert(0, (error.filename, error.lineno))
    bases = getattr(source, "__mro__", ())
    members = [member for base in bases for member in vars(base).values()]
    for part in (getattr(source, method, None), source, *members):
        if hasattr(part, "__code__"):
            places.append((part.__code__.co_filename, part.__code__.co_firstlineno))
    ours = os.path.join(PROJECT, "starter", "")
    places = [(file, line) for file, line in places if not installed(file)]
    places = [(file, line) for file, line in places if not os.path.abspath(file).startswith(ours)]
    where = [" ({}, line {})".format(*place) for place in places[:1]]
    hints = [f"; {hint}" for words, hint in HINTS.items() if words in said]
    return Problem("".join([what, ": ", said, *hints[:1], *where]))


def installed(file: str) -> bool:
    """Whether a file belongs to Python or to an installed package."""
    return file.startswith(PACKAGES)


def author(env: gymnasium.Env) -> type:
    """Return the class of an environment, or of its outermost wrapper that the user wrote."""
    ours = ("gymnasium.wrappers.", "starter.")
    while hasattr(env, "env") and type(env).__module__.startswith(ours):
        env = env.env
    return type(env)
