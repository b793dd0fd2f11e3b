"""Find an environment by its ID, in gymnasium or in a file of the user's; read its arguments."""

import ast
import copy
import importlib
import json
import os
import sys
from numbers import Real
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, Iterable, List, Optional, Tuple

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec, load_env_creator

from starter import Problem
from starter.environments.blame import ANYTHING, installed, problem
from starter.environments.spaces import shorten

TAKEN = ("render_mode", "autoreset", "disable_env_checker")  # what this project passes itself


def absolute(id: str) -> str:
    """Return an ID with the path in it, if there is one, made absolute."""
    place, _, name = id.rpartition(":")
    return f"{os.path.abspath(os.path.expanduser(place))}:{name}" if is_path(place) else id


def is_path(place: str) -> bool:
    """Whether what stands before the colon of an ID is a file's path and no module's name."""
    return place.endswith(".py")


def find(id: str, arguments: Dict[str, Any]) -> Tuple[EnvSpec, Optional[ModuleType]]:
    """Return how to make an environment, and the user's or a package's module that registered it.

    A module may lie in the current folder. A file may lie anywhere, with the modules that it
    imports beside it.

    Raises:
        Problem: if there is no such file, module or ID, importing it fails, or its time limit or
            threshold is no number.
    """
    place, _, name = id.rpartition(":")
    if not place and is_path(name):
        raise Problem(f"{id} lacks the ID of the environment: give {id}:ID, as it registers it")
    module = _import(place) if place else None
    try:
        spec = copy.copy(gymnasium.spec(name))
    except gymnasium.error.Error as error:
        hint = "one of your own is module:ID or path/to/file.py:ID"
        if module:
            hint = f"{place} registers {', '.join(_registered(module)) or 'none'}"
        raise Problem(f"there is no environment {id}: {shorten(error)}; {hint}") from None
    options = dict(arguments)
    for option in ("max_episode_steps", "apply_api_compatibility"):
        setattr(spec, option, options.pop(option, getattr(spec, option)))
    spec.kwargs = {**spec.kwargs, **options}
    spec.autoreset, spec.disable_env_checker = False, True
    for number in ("max_episode_steps", "reward_threshold"):
        value = getattr(spec, number)
        value = value.item() if isinstance(value, np.generic) else value  # JSON takes Python's
        if value is not None and not (isinstance(value, Real) and np.isfinite(value)):
            raise Problem(f"{id}: {number} is {value!r}, and not a finite number")
        setattr(spec, number, value)
    if spec.max_episode_steps is not None and spec.max_episode_steps < 1:
        raise Problem(f"{id}: max_episode_steps is {spec.max_episode_steps}, and not 1 or more")
    if isinstance(spec.entry_point, str) and spec.entry_point.partition(":")[0] in own(module):
        spec.entry_point = load_env_creator(spec.entry_point)  # workers may lack the module
    return spec, module


def _registered(module):
    """Yield the IDs that a module has registered, as far as its classes tell."""
    for spec in gymnasium.envs.registry.values():
        entry = getattr(spec.entry_point, "__module__", spec.entry_point) or ""
        if f"{entry.partition(':')[0]}.".startswith(f"{module.__name__}."):
            yield spec.id


def own(module: Optional[ModuleType]) -> List[str]:
    """Return the names of the modules that other machines may not have.

    These are `module` and what was imported from its folder, unless it is an installed package.
    """
    package = module and sys.modules.get(module.__name__.partition(".")[0])
    file = getattr(package, "__file__", None) or getattr(module, "__file__", None)
    if not file or installed(file):
        return []
    folder = os.path.join(os.path.dirname(os.path.abspath(file)), "")
    modules = list(sys.modules.items())  # to ask a lazy one for its file may import others
    files = {name: getattr(other, "__file__", None) for name, other in modules}
    files = {name: os.path.abspath(file) for name, file in files.items() if file}
    return [
        name
        for name, file in files.items()
        if file.startswith(folder) and not installed(file) and name != "__main__"
    ]


def _import(place):
    """Import a module by its name, from the current folder too, or a file by its path."""
    file = Path(os.path.abspath(os.path.expanduser(place)))
    if is_path(place) and not file.is_file():
        raise Problem(f"there is no file {place}")
    name, folder = (file.stem, file.parent) if is_path(place) else (place, Path.cwd())
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last, so that it hides no other module
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(name)
    except ANYTHING as error:
        missing = getattr(error, "name", None)
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{missing}."):
            how = "rename it" if is_path(place) else "a file elsewhere is path/to/file.py:ID"
            raise Problem(f"there is no module {name} here; {how}") from None
        raise problem(f"{place} cannot be imported", error) from error
    found = getattr(module, "__file__", None) or ""
    if is_path(place) and not (found and os.path.samefile(found, file)):
        raise Problem(f"{place} has the name of another module: rename it")
    return module


def parse_arguments(pairs: Iterable[str]) -> Dict[str, Any]:
    """Return `["gravity=-5.0", "enable_wind=true"]` as `{"gravity": -5.0, "enable_wind": True}`.

    A value is JSON or a literal of Python's, such as `(5, 5)`; anything else is a string.

    Raises:
        Problem: if one has no name before a `=`, or its name or value cannot be used.
    """
    arguments = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise Problem(f"--env-arg {pair} is not name=value, such as gravity=-5.0")
        arguments[name] = parse(value)
    as_text(arguments)
    return arguments


def as_text(arguments: Dict[str, Any]) -> Dict[str, str]:
    """Return arguments as JSON can keep them: each value as Python writes it; `parse` reads it.

    Raises:
        Problem: if a name is taken, or a value would come back as another one.
    """
    texts = {name: repr(value) for name, value in arguments.items()}
    for name, text in texts.items():
        if name in TAKEN:
            raise Problem(f"the argument {name} cannot be given: this project sets it")
        if repr(parse(text)) != text:
            raise Problem(
                f"the argument {name} is {shorten(text)}, which a checkpoint cannot keep; give a "
                "number, a string, True, False, None, or a tuple, list or dict of these"
            )
    return texts


def parse(text: str) -> Any:
    """Return a value that is written as in JSON or Python; any other text is a string."""
    for read in (json.loads, ast.literal_eval):  # true as well as True
        try:
            return read(text)
        except (ValueError, SyntaxError):
            pass
    return text
