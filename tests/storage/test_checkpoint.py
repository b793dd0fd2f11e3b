"""Checkpoints: whole or absent wherever the program is killed, and refused if not ours."""

import hashlib
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import PROJECT

from starter import Problem
from starter.files import replacing
from starter.storage import checkpoint

WEIGHTS = {"a": np.ones(3, np.float32)}
MANIFEST = dict(environment="CartPole-v1", arguments={}, action_repeat=1, spaces={}, seed=3)
# Saves without a pause: most moments are in the middle of it.
SAVE_ON = f"""
import itertools, sys
import numpy as np
from starter.storage import checkpoint
for i in itertools.count(1):
    weights = dict(layer=np.full(20_000, i, np.float32))
    training = dict(obs=np.full((100_000, 8), i, np.float32)), dict(iteration=i)
    checkpoint.save(sys.argv[1], i, weights, training, **{MANIFEST})
    print(i, flush=True)
"""


@pytest.mark.slow
def test_killed_at_any_moment_the_newest_checkpoint_is_whole(tmp_path):
    moment, cut_short = random.Random(0), 0
    for number in range(15):
        folder = tmp_path / str(number)
        folder.mkdir()
        command = [sys.executable, "-c", SAVE_ON, folder]
        with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "1\n"
            time.sleep(moment.uniform(0, 0.3))
            process.kill()
            printed = [1, *map(int, process.stdout.read().split())]
        newest = checkpoint.newest(folder)
        iteration = newest.manifest["iteration"]
        assert printed[-1] <= iteration <= printed[-1] + 1
        arrays, facts = newest.training()
        assert facts == {"iteration": iteration}
        for values in (newest.weights["layer"], arrays["obs"]):
            assert (values == iteration).all()
        cut_short += len(list(folder.iterdir())) > 1
        # The next save removes what was cut short, and the older ones.
        last = checkpoint.save(folder, 10_000, newest.weights)
        assert list(folder.iterdir()) == [last]
    assert cut_short  # it was killed where it matters


def test_a_damaged_checkpoint_gives_way_to_an_older_one(tmp_path):
    old = checkpoint.save(tmp_path, 4, WEIGHTS, **MANIFEST)
    old.rename(tmp_path / "kept")
    new = checkpoint.save(tmp_path, 5, WEIGHTS, **MANIFEST)
    (tmp_path / "kept").rename(old)
    assert checkpoint.newest(tmp_path).path == new
    (new / "policy.npz").write_bytes(b"cut short")
    assert checkpoint.newest(tmp_path).path == old
    # Training resumes from the older one and comes to the same number.
    assert checkpoint.save(tmp_path, 5, {"a": np.zeros(2)}, **MANIFEST) == new
    assert checkpoint.newest(tmp_path).weights["a"].tolist() == [0, 0]
    assert list(tmp_path.iterdir()) == [new]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "picture.gif"
    path.write_text("old")
    with pytest.raises(Problem, match="cannot write"), replacing(path) as scratch:
        scratch.write_text("half")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def edit_manifest(path, **changes):
    manifest = {**json.loads((path / "manifest.json").read_text()), **changes}
    manifest = {name: value for name, value in manifest.items() if value is not None}
    (path / "manifest.json").write_text(json.dumps(manifest))


def a_pickle(path, name="policy.npz"):
    """Write what would run code if it were unpickled, with a manifest that matches it."""

    class Code:
        def __reduce__(self):
            return Path.touch, (path / "it ran",)

    np.savez(path / name, network=np.array([Code(), None]))
    files = json.loads((path / "manifest.json").read_text())["files"]
    digest = hashlib.sha256((path / name).read_bytes()).hexdigest()
    edit_manifest(path, files={**files, name: digest})


def rewrite(name, change):
    return lambda path: (path / name).write_bytes(change((path / name).read_bytes()))


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda path: (path / "manifest.json").unlink(), "is not a checkpoint"),
        (rewrite("manifest.json", lambda _: b'{"name": "another"}'), "is not a checkpoint"),
        (rewrite("manifest.json", lambda content: content[:40]), "is not a checkpoint"),
        (lambda path: edit_manifest(path, arguments="gravity=-5.0"), "is not a checkpoint"),
        (lambda path: edit_manifest(path, action_repeat=None), "is not a checkpoint"),
        (rewrite("policy.npz", lambda content: content[:100]), "policy.npz was cut short"),
        (lambda path: (path / "policy.npz").unlink(), "policy.npz was cut short or changed"),
        (rewrite("training.npz", lambda c: c[:-9] + b"?" + c[-8:]), "training.npz was cut short"),
        (a_pickle, "policy.npz is refused"),
    ],
)
def test_what_is_not_a_checkpoint_is_refused(damage, word, tmp_path):
    path = checkpoint.save(tmp_path, 4, WEIGHTS, (WEIGHTS, {}), **MANIFEST)
    damage(path)
    with pytest.raises(Problem, match=word):
        checkpoint.newest(tmp_path)
    assert not (path / "it ran").exists()


def test_what_is_resumed_is_not_unpickled_either(tmp_path):
    policy_alone = checkpoint.save(tmp_path, 4, WEIGHTS, **MANIFEST)
    with pytest.raises(Problem, match="holds a policy to watch, and no training"):
        checkpoint.newest(policy_alone).training()
    path = checkpoint.save(tmp_path, 5, WEIGHTS, (WEIGHTS, {}), **MANIFEST)
    a_pickle(path, "training.npz")
    with pytest.raises(Problem, match=r"training\.npz is refused"):
        checkpoint.newest(path).training()
    assert not (path / "it ran").exists()
