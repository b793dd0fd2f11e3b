"""Checkpoints: whole or absent wherever the program is killed, and refused if not ours."""

import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import PROJECT, assert_refused, run_here

from scripts import watch
from starter import Problem
from starter.files import replacing
from starter.storage import checkpoint

WEIGHTS = {"a": np.ones(3, np.float32)}
ABOUT = {"environment": "LunarLander-v2", "seed": 3}
# Saves without a pause: most moments are in the middle of it.
SAVE_ON = """
import itertools, sys
import numpy as np
from starter.storage import checkpoint
for i in itertools.count(1):
    weights = {"layer/weights": np.full(20_000, i, np.float32)}
    training = {"buffer/obs": np.full((100_000, 8), i, np.float32)}, {"iteration": i}
    checkpoint.save(sys.argv[1], i, weights, training, environment="LunarLander-v2", seed=0)
    print(i, flush=True)
"""


@pytest.mark.slow
def test_killed_at_any_moment_the_newest_checkpoint_is_whole(tmp_path):
    moment = random.Random(0)
    halves = 0
    for number in range(15):
        folder = tmp_path / str(number)
        folder.mkdir()
        process = subprocess.Popen(
            [sys.executable, "-c", SAVE_ON, str(folder)],
            cwd=str(PROJECT),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "1\n"
        time.sleep(moment.uniform(0, 0.3))
        process.kill()
        printed = [1, *map(int, process.communicate()[0].split())]
        newest = checkpoint.newest(folder)
        iteration = newest.manifest["iteration"]
        assert printed[-1] <= iteration <= printed[-1] + 1
        arrays, facts = newest.training()
        assert facts == {"iteration": iteration}
        for values in (newest.weights["layer/weights"], arrays["buffer/obs"]):
            assert (values == iteration).all()
        halves += any(folder.glob(".saving-*"))
        # The next save removes what was cut short, and the older ones.
        last = checkpoint.save(folder, 10_000, newest.weights)
        assert list(folder.iterdir()) == [last]
    assert halves > 5  # it was killed where it matters


def test_a_damaged_checkpoint_gives_way_to_an_older_one(tmp_path):
    old = checkpoint.save(tmp_path, 4, WEIGHTS, **ABOUT)
    old.rename(tmp_path / "kept")
    new = checkpoint.save(tmp_path, 5, WEIGHTS, **ABOUT)
    (tmp_path / "kept").rename(old)
    assert checkpoint.newest(tmp_path).path == new
    (new / "policy.npz").write_bytes(b"cut short")
    assert checkpoint.newest(tmp_path).path == old
    # Training resumes from the older one and comes to the same number.
    assert checkpoint.save(tmp_path, 5, {"a": np.zeros(2)}, **ABOUT) == new
    assert checkpoint.newest(tmp_path).weights["a"].tolist() == [0, 0]
    assert checkpoint.newest(tmp_path).manifest["action_repeat"] == 1  # it does not say
    assert list(tmp_path.iterdir()) == [new]


@pytest.mark.parametrize("failing", ["write_bytes", "write_text", "rename"])
def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(failing, tmp_path, monkeypatch):
    old = checkpoint.save(tmp_path, 1, WEIGHTS, **ABOUT)

    def full_disk(path, *content):
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, failing, full_disk)
    with pytest.raises(Problem, match=r"^cannot write .*: No space left on device; .*--output"):
        checkpoint.save(tmp_path, 2, WEIGHTS, **ABOUT)
    assert list(tmp_path.iterdir()) == [old]
    assert checkpoint.newest(tmp_path).manifest["iteration"] == 1


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "picture.gif"
    path.write_text("old")
    with pytest.raises(Problem, match="cannot write"), replacing(path) as scratch:
        scratch.write_text("half")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def edit_manifest(path, **said):
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**manifest, **said}))


def replace_arrays(path, name, **arrays):
    """Write these arrays, and a manifest that matches them."""
    np.savez(path / name, **arrays)
    files = json.loads((path / "manifest.json").read_text())["files"]
    edit_manifest(path, files={**files, name: checkpoint._sha256(path / name)})


def a_pickle(path, name="policy.npz"):
    """Write what would run code if it were unpickled."""

    class Code:
        def __reduce__(self):
            return Path.touch, (path / "it ran",)

    array = np.empty(1, object)
    array[0] = Code()
    replace_arrays(path, name, network=array)


def rewrite(name, change):
    return lambda path: (path / name).write_bytes(change((path / name).read_bytes()))


def flip(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (shutil.rmtree, "there is no folder"),
        (lambda path: (path / "manifest.json").unlink(), "is not a checkpoint"),
        (rewrite("manifest.json", lambda _: b'{"name": "another"}'), "is not a checkpoint"),
        (rewrite("manifest.json", lambda content: content[:40]), "is not a checkpoint"),
        (lambda path: edit_manifest(path, arguments="gravity=-5.0"), "is not a checkpoint"),
        (lambda path: edit_manifest(path, seed=-1), "is not a checkpoint"),
        (lambda path: edit_manifest(path, action_repeat=0), "is not a checkpoint"),
        (lambda path: edit_manifest(path, environment="CartPole-v1"), "learned CartPole-v1, not"),
        (lambda path: replace_arrays(path, "policy.npz", **WEIGHTS), "other layers than main.py"),
        (rewrite("policy.npz", lambda content: content[:1000]), "policy.npz was cut short"),
        (lambda path: (path / "policy.npz").unlink(), "policy.npz was cut short or changed"),
        (rewrite("training.npz", flip), "training.npz was cut short or changed"),
        (a_pickle, "policy.npz is refused"),
    ],
)
def test_what_is_not_a_checkpoint_is_refused(damage, word, trained, tmp_path):
    path = tmp_path / "checkpoint"
    shutil.copytree(next(trained[0].glob("LunarLander*/checkpoint_*")), path)
    damage(path)
    flags = ["--env", "LunarLander-v2", "--output", tmp_path / "runs", "--from-checkpoint", path]
    done = run_here(watch.watch, *flags)
    assert_refused(done, word)
    assert str(path) in done.stderr or "the checkpoint" in done.stderr
    assert not (path / "it ran").exists()
    assert not list(tmp_path.glob("runs/*"))


def test_what_is_resumed_is_not_unpickled_either(tmp_path):
    path = checkpoint.save(tmp_path, 4, WEIGHTS, (WEIGHTS, {}), **ABOUT)
    a_pickle(path, "training.npz")
    with pytest.raises(Problem, match=r"training\.npz is refused"):
        checkpoint.Checkpoint(path).training()
    assert not (path / "it ran").exists()


def test_a_policy_alone_cannot_be_resumed(tmp_path):
    checkpoint.save(tmp_path, 4, WEIGHTS, **ABOUT)
    with pytest.raises(Problem, match="holds a policy to watch, and no training"):
        checkpoint.newest(tmp_path).training()
