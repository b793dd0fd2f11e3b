"""Checkpoints: a policy to watch and a training to resume; whole or absent."""

import hashlib
import io
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict, Optional, Tuple, Union

import numpy as np

from starter import Problem
from starter.files import writing
from starter.storage.folder import follow

FORMAT = "rllib-dqn-starter 3"
MANIFEST = "manifest.json"
MANIFEST_TYPES = {
    "iteration": int,
    "environment": str,
    "arguments": dict,
    "action_repeat": int,
    "seed": int,
}
POLICY, ARRAYS, FACTS = "policy.npz", "training.npz", "training.json"
SCRATCH = ".saving-"
FIX = "name a folder that training printed after 'saved', or a run's folder"


def save(
    folder: Union[str, Path],
    iteration: int,
    weights: Dict[str, np.ndarray],
    training: Optional[Tuple[Dict[str, np.ndarray], Dict[str, Any]]] = None,
    **about: Any,
) -> Path:
    """Write `folder/checkpoint_NNNNNN`, where NNNNNN is the iteration, and remove older ones.

    The checkpoint is written under another name, then renamed, so it is whole or absent
    wherever the process is killed. It holds numbers and words; none of it runs when it is read.

    Args:
        weights: those of the policy to watch, by name.
        training: what training resumes from: arrays by name, and a dict of JSON types.
        about: what else the manifest says, beside the SHA-256 of every file.

    Returns:
        The checkpoint's path.

    Raises:
        Problem: if it cannot be written; nothing of it is left then.
    """
    folder = Path(folder)
    with writing(folder):
        scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=folder))
        try:
            scratch.chmod(0o755)  # mkdtemp shuts out other users
            _save_arrays(scratch / POLICY, weights)
            if training:
                arrays, facts = training
                _save_arrays(scratch / ARRAYS, arrays)
                (scratch / FACTS).write_text(json.dumps(facts) + "\n", "utf-8")
            digests = {path.name: _sha256(path) for path in sorted(scratch.iterdir())}
            manifest = {"format": FORMAT, "iteration": iteration, **about, "files": digests}
            (scratch / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
            made = folder / f"checkpoint_{iteration:06}"
            if made.exists():  # resuming has passed over it, because it is damaged
                made.rename(f"{scratch}-old")
            scratch.rename(made)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
    for old in [*folder.glob("checkpoint_*"), *folder.glob(f"{SCRATCH}*")]:
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
        self.path = path = Path(path)
        if not path.is_dir():
            raise Problem(f"there is no folder {path}; {FIX}")
        try:
            self.manifest = json.loads((path / MANIFEST).read_text("utf-8"))
            digests = dict(self.manifest["files"])
            ours = self.manifest["format"] == FORMAT and POLICY in digests
            self.manifest = {"arguments": {}, "action_repeat": 1, **self.manifest}
            ours = ours and all(isinstance(self.manifest[n], t) for n, t in MANIFEST_TYPES.items())
            ours = ours and self.manifest["seed"] >= 0 and self.manifest["action_repeat"] >= 1
        except (OSError, ValueError, KeyError, TypeError):
            ours = False
        if not ours:
            raise Problem(f"{path} is not a checkpoint of this version of the project; {FIX}")
        for name, digest in digests.items():
            try:
                intact = _sha256(path / name) == digest
            except OSError:
                intact = False
            if not intact:
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
    """Return the checkpoint at `path`, or the newest complete one of the run there.

    Raises:
        Problem: if there is none.
    """
    path = follow(path)
    if not path.is_dir():
        raise Problem(f"there is no folder {path}; {FIX}")
    reason = None
    for _ in range(3):  # a training may be replacing them right now
        for found in sorted(path.glob("checkpoint_*"), reverse=True):
            try:
                return Checkpoint(found)
            except Problem as problem:
                reason = problem
    if reason:
        raise reason
    return Checkpoint(path)


def digest(weights: Dict[str, np.ndarray]) -> str:
    """Return the SHA-256 of a policy's weights, variable by variable in the order of names."""
    hashed = hashlib.sha256()
    for name, values in sorted(weights.items()):
        hashed.update(f"{name} {values.dtype} {values.shape}".encode())
        hashed.update(values.tobytes())
    return hashed.hexdigest()


def _save_arrays(path, arrays):
    # In memory first: where the disk is full, numpy's zip file would print a traceback.
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    path.write_bytes(packed.getvalue())


def _load_arrays(path):
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except ValueError:  # numpy found an object to unpickle
        raise Problem(
            f"{path} is refused: it holds more than numbers, which could run code"
        ) from None


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
