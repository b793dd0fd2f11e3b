"""Find an environment by its ID, in gymnasium, a module or a file; read its arguments."""

import ast
import copy
import importlib
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, Iterable, List, Optional, Tuple

import gymnasium
from gymnasium.envs.registration import EnvSpec, load_env_creator

from starter import Problem
from starter.environments.blame import blaming, is_users, shorten


def find(id: str) -> Tuple[str, EnvSpec, Optional[ModuleType]]:
    """Find an environment by its ID, and import the module that the ID names, if it names one.

    A module may be in the current folder. A file may be anywhere, with the modules that it
    imports beside it. Raise a `Problem` if there is none, or importing it fails.
    Return the ID, with an absolute path if it has one; how to make the environment; the module.
    """
    place, _, name = id.rpartition(":")
    module = None
    if place.endswith(".py"):
        file = Path(os.path.abspath(os.path.expanduser(place)))
        id = f"{file}:{name}"
        if not file.is_file():
            raise Problem(f"there is no file {file}")
        module = _import(file.stem, file.parent, id)
        if Path(_file(module)).resolve() != file.resolve():
            raise Problem(f"{file} has the name of another module: rename it")
    elif place:
        module = _import(place, Path.cwd(), id)
    with blaming(f"{id} is not found; give an ID of gymnasium's, module:ID or path/to/file.py:ID"):
        spec = copy.copy(gymnasium.spec(name))
        if isinstance(spec.entry_point, str):  # a worker elsewhere may lack its module
            spec.entry_point = load_env_creator(spec.entry_point)
    return id, spec, module


def own(module: Optional[ModuleType]) -> List[str]:
    """Return the names of the modules that other machines may not have.

    They are `module`, unless it is installed, and those that were imported from its folder.
    """
    package = module and sys.modules[module.__name__.partition(".")[0]]
    file = _file(package) or _file(module)
    if not file or not is_users(file):
        return []
    folder = os.path.join(os.path.dirname(file), "")
    modules = list(sys.modules.items())  # to ask a lazy one for its file may import others
    files = {name: _file(other) for name, other in modules if name != "__main__"}
    return [name for name, file in files.items() if file.startswith(folder) and is_users(file)]


def _file(module):
    file = getattr(module, "__file__", None)
    return os.path.abspath(file) if file else ""


def _import(module, folder, id):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last, so that it hides no other module
    importlib.invalidate_caches()
    with blaming(f"{id} cannot be imported"):
        return importlib.import_module(module)


def parse_arguments(pairs: Iterable[str]) -> Dict[str, Any]:
    """Return `["gravity=-5.0"]` as `{"gravity": -5.0}`, or raise a `Problem`."""
    arguments = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise Problem(f"--env-arg {pair} is not name=value, such as gravity=-5.0")
        arguments[name] = parse(value)
    return arguments


def as_text(arguments: Dict[str, Any]) -> Dict[str, str]:
    """Return arguments for JSON: as Python writes them; a `Problem` if `parse` cannot read one."""
    texts = {name: repr(value) for name, value in arguments.items()}
    for name, text in texts.items():
        if name == "render_mode":
            raise Problem("the argument render_mode cannot be given; use the flag --render")
        if repr(parse(text)) != text:
            raise Problem(
                f"the argument {name} is {shorten(text)}; give a number, a string, or a list or "
                "dict of these, which a checkpoint can keep"
            )
    return texts


def parse(text: str) -> Any:
    """Return a value written in JSON or Python, such as `(5, 5)`; any other text is a string."""
    for read in (json.loads, ast.literal_eval):  # true as well as True
        with suppress(ValueError, SyntaxError):
            return read(text)
    return text
