"""Checkpoints: one file with a policy to watch and a training to resume; whole or absent."""

import io
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, Optional, Tuple, Union
from zipfile import BadZipFile

import numpy as np

from starter import Problem
from starter.files import replacing, to_json
from starter.storage.folder import LATEST

FORMAT = "rllib-dqn-starter 5"
MANIFEST, FACTS = "manifest", "facts"  # JSON, as an array of bytes
POLICY, TRAINING = "policy/", "training/"  # what the names of arrays begin with
FILES = f"checkpoint_{'[0-9]' * 6}.npz"
FIX = "name a file that training printed after 'saved', or a run's folder"


def save(
    folder: Union[str, Path],
    iteration: int,
    weights: Dict[str, np.ndarray],
    training: Optional[Tuple[Dict[str, np.ndarray], Dict[str, Any]]] = None,
    **manifest: Any,
) -> Path:
    """Write the checkpoint `folder/checkpoint_NNNNNN.npz`, remove older ones, return its path.

    It holds only numbers and text, so reading it runs no code. Its zip format has a checksum of
    each array. Raise a `Problem` if it cannot be written; the older ones are unchanged then.

    Args:
        folder: of a run that no other process saves to.
        weights: of the policy to watch, by name.
        training: what training resumes from: arrays by name, and a dict of JSON types.
        manifest: the environment's `manifest`, and the seed.
    """
    manifest = {"format": FORMAT, "iteration": iteration, **manifest, "saved": time.time()}
    content = {MANIFEST: _packed(manifest)}
    content.update({POLICY + name: values for name, values in weights.items()})
    if training:
        arrays, facts = training
        content[FACTS] = _packed(facts)
        content.update({TRAINING + name: values for name, values in arrays.items()})
    made = Path(folder, f"checkpoint_{iteration:06}.npz")
    packed = io.BytesIO()  # on a full disk, zipfile would also complain by itself
    np.savez(packed, **content)
    with replacing(made) as scratch:
        scratch.write_bytes(packed.getvalue())
    cut_short = made.parent.glob(f".*-{FILES}")  # by a process that was killed
    for old in [*made.parent.glob(FILES), *cut_short]:
        if old != made:
            with suppress(OSError):
                old.unlink()
    return made


class Checkpoint:
    """A complete checkpoint, with its `path`, `manifest` and `weights`; or else a `Problem`."""

    def __init__(self, path: Path):
        self.path, content = path, _load(path)
        self.manifest = content.get(MANIFEST, {})
        if self.manifest.get("format") != FORMAT:
            raise Problem(
                f"there is no whole checkpoint in {path} that this version can read; {FIX}"
            )
        self.weights, self._arrays = (
            {name[len(kind) :]: array for name, array in content.items() if name.startswith(kind)}
            for kind in (POLICY, TRAINING)
        )
        self._facts = content.get(FACTS)

    def training(self) -> Tuple[Dict[str, np.ndarray], Dict[str, Any]]:
        """Return what `save` was given as `training`; raise a `Problem` if that was nothing."""
        if self._facts is None:
            raise Problem(f"{self.path} holds a policy to watch, and no training to resume")
        return self._arrays, self._facts


def newest(path: Union[str, Path]) -> Checkpoint:
    """Return the checkpoint at `path`, or the one below it that was saved last.

    `path` is that of a checkpoint, a run's folder or the folder of all runs, for which `latest`
    stands: it may be an old copy. Raise a `Problem` if there is none.
    """
    path = Path(path).expanduser()
    path = path.resolve() if path.name in ("", "..") else path  # the parent of . is not .
    path = path.parent if path.name == LATEST else path
    for _ in range(3):  # a training may replace what is being read
        found = [*path.glob(FILES), *path.glob(f"*/{FILES}")]
        found = [file for file in found if file.parent.name != LATEST]
        try:
            return Checkpoint(max(found, key=_saved, default=path))
        except (Problem, FileNotFoundError) as error:
            reason = error
    raise reason


def _saved(path):
    """Return when a checkpoint was saved, in seconds since 1970, also of one that is damaged."""
    return _load(path, MANIFEST).get(MANIFEST, {}).get("saved") or path.stat().st_mtime


def _load(path, *names):
    """Return what these names stand for in a file, by default all; nothing if it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:  # unpickling could run code
            content = {name: file[name] for name in names or file}
        for name in content.keys() & {MANIFEST, FACTS}:
            content[name] = dict(json.loads(bytes(content[name])))
    except (OSError, AttributeError, LookupError, TypeError, ValueError, BadZipFile):
        return {}
    return content


def _packed(content):
    return np.frombuffer(to_json(content, indent=None).encode(), np.uint8)
