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
from starter.files import to_json, writing
from starter.storage.folder import LATEST

FORMAT = "rllib-dqn-starter 4"
MANIFEST, POLICY, ARRAYS, FACTS = "manifest.json", "policy.npz", "training.npz", "training.json"
FIX = "name a folder that training printed after 'saved', or a run's folder"


def save(
    folder: Union[str, Path],
    iteration: int,
    weights: Dict[str, np.ndarray],
    training: Optional[Tuple[Dict[str, np.ndarray], Dict[str, Any]]] = None,
    **manifest: Any,
) -> Path:
    """Write the checkpoint `folder/checkpoint_NNNNNN`, remove older ones, and return its path.

    It is written under another name, then renamed, so it is whole or absent wherever the process
    is killed. It holds only numbers and text, so reading it runs no code.

    Args:
        folder: of a run that no other process saves to.
        iteration: NNNNNN.
        weights: of the policy to watch, by name.
        training: what training resumes from: arrays by name, and a dict of JSON types.
        manifest: what the environment's `manifest` returns, and the seed.

    Raises:
        Problem: if it cannot be written; the older ones are unchanged then.
    """
    contents = {POLICY: _packed(weights)}
    if training:
        contents[ARRAYS] = _packed(training[0])
        contents[FACTS] = to_json(training[1], indent=None).encode()
    files = {name: _sha256(content) for name, content in contents.items()}
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
            shutil.rmtree(made, ignore_errors=True)  # `make expected` saves the demo again
            scratch.rename(made)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    for old in folder.glob("checkpoint_*"):
        if old != made:
            shutil.rmtree(old, ignore_errors=True)
    return made


class Checkpoint:
    """A complete checkpoint, with its `path`, `manifest` and `weights`.

    Raises:
        Problem: if there is none at `path`, or a file is not the one in its manifest.
    """

    def __init__(self, path: Path):
        self.path = path
        self.manifest = _manifest(path)
        if self.manifest.get("format") != FORMAT:
            raise Problem(f"there is no checkpoint in {path} that this version can read; {FIX}")
        for name, digest in self.manifest["files"].items():
            file = path / name
            if not file.is_file() or _sha256(file.read_bytes()) != digest:
                raise Problem(f"{path} is damaged: {name} was cut short or changed; {FIX}")
        self.weights = _load_arrays(path / POLICY)

    def training(self) -> Tuple[Dict[str, np.ndarray], Dict[str, Any]]:
        """Return what `save` was given as `training`.

        Raises:
            Problem: if it was given nothing.
        """
        if ARRAYS not in self.manifest["files"]:
            raise Problem(f"{self.path} holds a policy to watch, and no training to resume")
        return _load_arrays(self.path / ARRAYS), json.loads((self.path / FACTS).read_text("utf-8"))


def newest(path: Union[str, Path]) -> Checkpoint:
    """Return the checkpoint at `path`, or the one below it that was saved last.

    Args:
        path: of a checkpoint, a run's folder or the folder of all runs. `latest` stands for the
            folder of all runs: it may be an old copy.

    Raises:
        Problem: if there is none.
    """
    path = Path(path).expanduser()
    path = path.resolve() if path.name in ("", "..") else path  # the parent of . is not .
    path = path.parent if path.name == LATEST else path
    for _ in range(3):  # a training may replace what is being read
        found = [*path.glob("checkpoint_*"), *path.glob("*/checkpoint_*")]
        found = [folder for folder in found if folder.parent.name != LATEST]
        try:
            return Checkpoint(max(found, key=_saved, default=path))
        except (Problem, FileNotFoundError) as error:
            reason = error
    raise reason


def _saved(path):
    """Return when a checkpoint was saved, in seconds since 1970, also of one that is damaged."""
    return _manifest(path).get("saved") or path.stat().st_mtime


def _manifest(path):
    try:
        return dict(json.loads((path / MANIFEST).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _sha256(content):
    return hashlib.sha256(content).hexdigest()


def _packed(arrays):
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


def _load_arrays(path):
    with np.load(path, allow_pickle=False) as arrays:  # unpickling could run code
        return dict(arrays)
