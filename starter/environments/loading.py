"""Find an environment by its ID, in gymnasium or in a file of the user's; read its arguments."""

import ast
import copy
import difflib
import importlib
import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, Iterable, List, Optional, Tuple

import gymnasium
from gymnasium.envs.registration import EnvSpec, load_env_creator

from starter import Problem
from starter.environments.blame import ANYTHING, failure, installed
from starter.environments.spaces import text

# Arguments of gymnasium.make that would change what learning sees, and who sets them here.
TAKEN = {
    "render_mode": "the flag --render sets it",
    "autoreset": "every episode is reset when it ends",
    "disable_env_checker": "every timestep is checked, whatever it says",
}


def absolute(id: str) -> str:
    """Return an ID with the path in it, if there is one, made absolute."""
    place, _, name = id.rpartition(":")
    return f"{os.path.abspath(os.path.expanduser(place))}:{name}" if is_path(place) else id


def is_path(place: str) -> bool:
    """Whether what stands before the colon of an ID is a file's path and no module's name."""
    return place.endswith(".py")


def find(id: str) -> Tuple[EnvSpec, Optional[ModuleType]]:
    """Return what gymnasium knows of an environment, and the module that registered it.

    Args:
        id: gymnasium's own, `module:ID` or `path/to/file.py:ID`. A module is imported; it may
            lie in the current folder. The file may lie anywhere, with the modules that it imports
            beside it.

    Raises:
        Problem: if there is no such file, module or ID, or importing it fails.
    """
    place, _, name = id.rpartition(":")
    if not place and is_path(name):
        raise Problem(f"{id} lacks the ID of the environment: give {id}:ID, as it registers it")
    module = _import(place) if place else None
    spec = gymnasium.envs.registry.get(name)
    if spec is None:
        raise Problem(_unknown(id, name, module))
    return spec, module


def specify(registered: EnvSpec, module: Optional[ModuleType], arguments: Dict[str, Any]):
    """Return how to make an environment, on this machine or on one without the user's file.

    Args:
        registered: what gymnasium knows of it.
        module: the one that registered it; None for gymnasium's own.
        arguments: for `gymnasium.make`.

    Returns:
        An `EnvSpec` with these arguments; and the wrappers that belong around it, as pairs of a
        class and its arguments. What lies in a file of the user's is in both as an object, not as
        a name to import.
    """
    spec, options = copy.deepcopy(registered), dict(arguments)
    for option in ("max_episode_steps", "apply_api_compatibility"):
        setattr(spec, option, options.pop(option, getattr(spec, option)))
    limit = spec.max_episode_steps
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise Problem(f"max_episode_steps is a number of timesteps, 1 or more, and not {limit}")
    spec.autoreset, spec.disable_env_checker = False, True
    spec.kwargs.update(options)
    if isinstance(spec.entry_point, str) and spec.entry_point.partition(":")[0] in own(module):
        spec.entry_point = load_env_creator(spec.entry_point)
    around = spec.additional_wrappers
    wrappers = [(load_env_creator(one.entry_point), one.kwargs or {}) for one in around]
    spec.additional_wrappers = ()
    return spec, wrappers


def own(module: Optional[ModuleType]) -> List[str]:
    """Return the names of the modules that other machines may not have.

    These are `module` and what was imported from its folder, unless it is an installed package.
    """
    folder = _folder(module)
    if not folder or installed(folder):
        return []
    found = [
        name
        for name, other in list(sys.modules.items())
        if name != "__main__" and _within(getattr(other, "__file__", None), folder)
    ]
    return [name for name in found if not installed(sys.modules[name].__file__)]


def _folder(module):
    """The folder of a module, or of the package that it belongs to."""
    if module is None:
        return None
    package = sys.modules.get(module.__name__.partition(".")[0])
    file = getattr(package, "__file__", None) or getattr(module, "__file__", None)
    return file and os.path.dirname(os.path.abspath(file))


def _within(file, folder):
    return bool(file) and os.path.abspath(file).startswith(os.path.join(folder, ""))


def _import(place):
    if not is_path(place):
        _search(os.getcwd())
        return _import_module(place, place)
    file = Path(os.path.abspath(os.path.expanduser(place)))
    if not file.is_file():
        raise Problem(f"there is no file {place}")
    _search(str(file.parent))
    try:
        found = importlib.util.find_spec(file.stem)
    except (ImportError, ValueError):  # a dot in its name, say
        found = None
    if not found or not found.origin or not os.path.samefile(found.origin, file):
        raise Problem(f"{place} has the name of another module, or none for one: rename it")
    return _import_module(file.stem, place)


def _search(folder):
    """Let imports find what lies in this folder and has no other module's name."""
    if folder not in sys.path:
        sys.path.append(folder)
    importlib.invalidate_caches()


def _import_module(name, place):
    try:
        return importlib.import_module(name)
    except ANYTHING as error:
        missing = getattr(error, "name", None)
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{missing}."):
            raise Problem(
                f"there is no module {name} here; a file elsewhere is path/to/file.py:ID"
            ) from None
        raise failure(f"{place} cannot be imported", error) from error


def _unknown(id, name, module):
    """What to say of an ID that gymnasium does not know."""
    registry = gymnasium.envs.registry
    if not module:
        close = difflib.get_close_matches(name, registry, n=3)
        if close:
            return f"there is no environment {id}; did you mean {' or '.join(close)}?"
        return (
            f"there is no environment {id} in gymnasium; one of your own is module:ID or "
            "path/to/file.py:ID, and one of a package is package:ID"
        )
    gym = sys.modules.get("gym")
    if gym and name in {spec.id for spec in gym.envs.registry.all()}:
        return (
            f"{id} is registered with gym; register it with gymnasium.register("
            f'"{name}", entry_point, apply_api_compatibility=True)'
        )
    ids = [spec.id for spec in registry.values() if _registers(module.__name__, spec)]
    if not ids:
        return f"{id} is not registered: call gymnasium.register({name!r}, TheClass) in that file"
    return f"there is no {name} in {id.rpartition(':')[0]}, which registers {', '.join(ids)}"


def _registers(name, spec):
    entry = spec.entry_point
    origin = entry if isinstance(entry, str) else getattr(entry, "__module__", None) or ""
    return f"{origin.partition(':')[0]}.".startswith(f"{name}.")


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
        arguments[name] = _value(value)
    arguments_as_text(arguments)
    return arguments


def arguments_as_text(arguments: Dict[str, Any]) -> Dict[str, str]:
    """Return arguments as a JSON object can keep them: each value as Python writes it.

    Raises:
        Problem: if a name is taken, or a value would come back as another one.
    """
    texts = {name: repr(value) for name, value in arguments.items()}
    for name, written in texts.items():
        if name in TAKEN:
            raise Problem(f"the argument {name} cannot be given: {TAKEN[name]}")
        if repr(_value(written)) != written:
            raise Problem(
                f"the argument {name} is {text(written)}, which a checkpoint cannot keep; give a "
                "number, a string, True, False, None, or a tuple, list or dict of these"
            )
    return texts


def arguments_from_text(texts: Dict[str, Any]) -> Dict[str, Any]:
    """Return the arguments that `arguments_as_text` wrote."""
    return {name: _value(v) if isinstance(v, str) else v for name, v in texts.items()}


def _value(written):
    for parse in (json.loads, ast.literal_eval):  # true as well as True
        try:
            return parse(written)
        except (ValueError, SyntaxError):
            pass
    return written
