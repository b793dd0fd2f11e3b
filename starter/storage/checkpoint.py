"""Checkpoints: a policy to watch and a training to resume; whole or absent."""

import hashlib
import io
import json
import shutil
import time
from pathlib import Path
from typing import Any, Dict, Optional, Tuple, Union

import numpy as np

from starter import Problem
from starter.files import expanded, to_json, writing
from starter.storage.folder import LATEST

FORMAT = "rllib-dqn-starter 4"
MANIFEST = "manifest.json"
KEYS = {
    "iteration": int,
    "environment": str,
    "arguments": dict,
    "action_repeat": int,
    "spaces": dict,
    "seed": int,
    "files": dict,
}
POLICY, ARRAYS, FACTS = "policy.npz", "training.npz", "training.json"
FIX = "name a folder that training printed after 'saved', or a run's folder"


def save(
    folder: Union[str, Path],
    iteration: int,
    weights: Dict[str, np.ndarray],
    training: Optional[Tuple[Dict[str, np.ndarray], Dict[str, Any]]] = None,
    **manifest: Any,
) -> Path:
    """Write `folder/checkpoint_NNNNNN`, where NNNNNN is the iteration, and remove older ones.

    The checkpoint is written under another name, then renamed, so it is whole or absent
    wherever the process is killed. It holds numbers and words; none of it runs when it is read.

    Args:
        folder: of a run that no other process saves to.
        iteration: which the training has reached.
        weights: those of the policy to watch, by name.
        training: what training resumes from: arrays by name, and a dict of JSON types.
        manifest: the rest of `KEYS`.

    Returns:
        The checkpoint's path.

    Raises:
        Problem: if it cannot be written; the older ones are unchanged then.
    """
    contents = {POLICY: _packed(weights)}
    if training:
        contents[ARRAYS] = _packed(training[0])
        contents[FACTS] = to_json(training[1], indent=None).encode()
    files = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    manifest = {"format": FORMAT, "iteration": iteration, **manifest, "saved": time.time()}
    contents[MANIFEST] = to_json({**manifest, "files": files}).encode()
    folder = Path(folder)
    made, scratch = folder / f"checkpoint_{iteration:06}", folder / ".saving"
    with writing(folder):
        shutil.rmtree(scratch, ignore_errors=True)  # left by a process that was killed
        try:
            scratch.mkdir()
            for name, content in contents.items():
                (scratch / name).write_bytes(content)
            shutil.rmtree(made, ignore_errors=True)  # damaged: training resumed from an older one
            scratch.rename(made)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    for old in folder.glob("checkpoint_*"):
        if old != made:
            shutil.rmtree(old, ignore_errors=True)
    return made


class Checkpoint:
    """A complete checkpoint, with its `path`, `manifest` and `weights`.

    Every file is compared with its SHA-256 in the manifest before it is read.

    Raises:
        Problem: if it is missing, damaged, or another program's.
    """

    def __init__(self, path: Union[str, Path]):
        self.path = Path(path)
        try:
            self.manifest = json.loads((self.path / MANIFEST).read_text("utf-8"))
            ours = all(isinstance(self.manifest[name], kind) for name, kind in KEYS.items())
            ours = ours and self.manifest["format"] == FORMAT and POLICY in self.manifest["files"]
        except (OSError, ValueError, KeyError, TypeError):
            ours = False
        if not ours:
            raise Problem(f"{path} is not a checkpoint of this version of the project; {FIX}")
        for name, digest in self.manifest["files"].items():
            file = self.path / name
            if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != digest:
                raise Problem(f"{path} is damaged: {name} was cut short or changed; {FIX}")
        self.weights = _load_arrays(self.path / POLICY)

    def training(self) -> Tuple[Dict[str, np.ndarray], Dict[str, Any]]:
        """Return what `save` was given as `training`.

        Raises:
            Problem: if it was given nothing.
        """
        if ARRAYS not in self.manifest["files"]:
            raise Problem(f"{self.path} holds a policy to watch, and no training to resume")
        return _load_arrays(self.path / ARRAYS), json.loads((self.path / FACTS).read_text("utf-8"))


def newest(path: Union[str, Path]) -> Checkpoint:
    """Return the checkpoint at `path`, or the newest one below it.

    The newest of several runs is the one that was saved last. Within a run, a damaged checkpoint
    gives way to an older one.

    Args:
        path: of a checkpoint, of a run's folder, or of the folder of all runs; for that, also of
            `latest` in it, which is never read: it may be an old copy.

    Raises:
        Problem: if there is none.
    """
    path = expanded(path)
    path = path if path.name.strip(".") else path.resolve()  # the parent of . is not .
    path = path.parent if path.name == LATEST else path
    for _ in range(3):
        below = (found for found in path.glob("*/checkpoint_*") if found.parent.name != LATEST)
        found = [*path.glob("checkpoint_*")] or [*below]
        if not found:
            if (path / MANIFEST).is_file():
                return Checkpoint(path)
            raise Problem(f"there is no checkpoint in {path}; {FIX}")
        run = max(found, key=_saved).parent
        for checkpoint in sorted(run.glob("checkpoint_*"), reverse=True):
            try:
                return Checkpoint(checkpoint)
            except Problem as problem:  # perhaps a training was just replacing it
                reason = problem
    raise reason


def _saved(path):
    """When a checkpoint was saved, in seconds since 1970."""
    try:
        return float(json.loads((path / MANIFEST).read_text("utf-8"))["saved"])
    except (OSError, ValueError, KeyError, TypeError):  # damaged, or of an older version
        return path.stat().st_mtime if path.exists() else 0.0  # replaced just now


def _packed(arrays):
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


def _load_arrays(path):
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except ValueError:  # numpy found an object to unpickle
        raise Problem(
            f"{path} is refused: it holds more than numbers, which could run code"
        ) from None
