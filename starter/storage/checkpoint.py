"""Checkpoints: a policy to show and a training to go on with; whole, or absent."""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

from starter import Problem
from starter.storage.folder import follow, writing

FORMAT = "rllib-dqn-starter 2"
MANIFEST = "manifest.json"
MANIFEST_TYPES = {"iteration": int, "environment": str, "arguments": dict, "seed": int}
POLICY, ARRAYS, FACTS = "policy.npz", "training.npz", "training.json"
SCRATCH = ".saving-"
MEND = "give a folder that training printed after 'saved', or a run's folder"


def save(folder, iteration, weights, training=None, **about):
    """Write `folder/checkpoint_NNNNNN`, NNNNNN being the iteration, and remove older ones.

    It is written under another name, then renamed: whole or not at all, wherever the
    process is killed. It holds numbers and words only, nothing that runs when it is read.

    Args:
        weights: the policy to show, as numpy arrays by name.
        training: numpy arrays by name and a dict of JSON's types, to go on from.
        about: what the manifest says of it, beside the SHA-256 of every file.

    Returns:
        The checkpoint's path.

    Raises:
        Problem: if it could not be written; nothing of it is left then.
    """
    folder = Path(folder)
    with writing(folder):
        scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=folder))
        try:
            scratch.chmod(0o755)  # mkdtemp lets nobody else in
            np.savez(scratch / POLICY, **weights)
            if training:
                arrays, facts = training
                np.savez(scratch / ARRAYS, **arrays)
                (scratch / FACTS).write_text(json.dumps(facts) + "\n", "utf-8")
            digests = {path.name: _sha256(path) for path in sorted(scratch.iterdir())}
            manifest = {"format": FORMAT, "iteration": iteration, **about, "files": digests}
            (scratch / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
            made = scratch.rename(folder / f"checkpoint_{iteration:06}")
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
    for old in [*folder.glob("checkpoint_*"), *folder.glob(f"{SCRATCH}*")]:
        if old != made:
            shutil.rmtree(old, ignore_errors=True)
    return made


class Checkpoint:
    """A whole checkpoint: `path`, `manifest`, `weights`.

    Every file is compared with the manifest's SHA-256 before it is read.

    Raises:
        Problem: if it is missing, another program's or damaged.
    """

    def __init__(self, path):
        self.path = path = Path(path)
        if not path.is_dir():
            raise Problem(f"there is no folder {path}; {MEND}")
        try:
            self.manifest = json.loads((path / MANIFEST).read_text("utf-8"))
            digests = dict(self.manifest["files"])
            ours = self.manifest["format"] == FORMAT and POLICY in digests
            self.manifest = {"arguments": {}, **self.manifest}
            ours = ours and all(isinstance(self.manifest[n], t) for n, t in MANIFEST_TYPES.items())
        except (OSError, ValueError, KeyError, TypeError):
            ours = False
        if not ours:
            raise Problem(f"{path} is not a checkpoint of this project; {MEND}")
        for name, digest in digests.items():
            try:
                intact = _sha256(path / name) == digest
            except OSError:
                intact = False
            if not intact:
                raise Problem(f"{path} is damaged: {name} is cut short or changed; {MEND}")
        try:
            self.weights = _load(path / POLICY)
        except ValueError:  # numpy found an object to unpickle
            raise Problem(f"{path} was refused: {POLICY} holds more than numbers") from None

    def environment(self, id, arguments, resume=False):
        """The id and the arguments of its environment, unless others were asked for.

        Raises:
            Problem: if another environment was asked for, or to `resume` with other arguments.
        """
        own = self.manifest["environment"], self.manifest["arguments"]
        if id not in (None, own[0]):
            raise Problem(f"{self.path} learned {own[0]}, not {id}")
        if resume and arguments and arguments != own[1]:
            raise Problem(f"{self.path} learned with other arguments: leave --env-arg out")
        return own[0], arguments or own[1]

    def seed_to_resume(self, seed, iterations):
        """The seed to go on with, to so many iterations; `seed` is the one that was asked for.

        Raises:
            Problem: if these do not go with what was trained.
        """
        trained, own = self.manifest["iteration"], self.manifest["seed"]
        if trained >= iterations:
            raise Problem(f"{self.path} has {trained} iterations; give --iterations more of them")
        if seed not in (0, own):
            raise Problem(f"{self.path} has seed {own}; leave --seed out to go on with it")
        return own

    def training(self):
        """What `save` was given to go on from.

        Raises:
            Problem: if it was given nothing.
        """
        if ARRAYS not in self.manifest["files"]:
            raise Problem(f"{self.path} holds a policy to show, and no training to go on with")
        return _load(self.path / ARRAYS), json.loads((self.path / FACTS).read_text("utf-8"))


def newest(path):
    """The checkpoint at `path`, or the newest whole one of the run there.

    Raises:
        Problem: if there is none.
    """
    path = follow(path)
    if not path.is_dir():
        raise Problem(f"there is no folder {path}; {MEND}")
    reason = None
    for _ in range(3):  # a training may be replacing them just now
        for found in sorted(path.glob("checkpoint_*"), reverse=True):
            try:
                return Checkpoint(found)
            except Problem as problem:
                reason = problem
    if reason:
        raise reason
    return Checkpoint(path)


def digest(weights):
    """SHA-256 over a policy's weights, variable by variable in the order of their names."""
    hashed = hashlib.sha256()
    for name, values in sorted(weights.items()):
        hashed.update(f"{name} {values.dtype} {values.shape}".encode())
        hashed.update(values.tobytes())
    return hashed.hexdigest()


def _load(path):
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
