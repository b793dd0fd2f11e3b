"""Checkpoints: whole or absent wherever the program is killed, and refused if not ours."""

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


def test_a_save_removes_older_checkpoints_but_no_copy_of_the_users(tmp_path):
    old = checkpoint.save(tmp_path, 1, WEIGHTS)
    copies = [
        old.with_name(name) for name in ("checkpoint_best.npz", "keep_checkpoint_000001.npz")
    ]
    for copy in copies:
        copy.write_bytes(old.read_bytes())
    new = checkpoint.save(tmp_path, 2, WEIGHTS)
    assert sorted(tmp_path.iterdir()) == sorted([new, *copies])
    assert checkpoint.newest(copies[0]).manifest["iteration"] == 1


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "picture.gif"
    path.write_text("old")
    with pytest.raises(Problem, match="cannot write"), replacing(path) as scratch:
        scratch.write_text("half")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:100],
        lambda content: b"\x93NUMPY" + content,
        # 9.0 is the last number of the policy's weights, 8.0 that of the replay buffer.
        lambda content: content.replace(np.float32(9).tobytes(), b"????"),
        lambda content: content.replace(np.float32(8).tobytes(), b"????"),
    ],
)
def test_a_damaged_checkpoint_is_refused(damage, tmp_path):
    weights, arrays = ({"a": np.float32([1, last])} for last in (9, 8))
    file = checkpoint.save(tmp_path, 4, weights, (arrays, {}), **MANIFEST)
    content = file.read_bytes()
    file.write_bytes(damage(content))
    assert file.read_bytes() != content
    with pytest.raises(Problem, match=f"no whole checkpoint in {file}"):
        checkpoint.newest(tmp_path)


def test_reading_a_checkpoint_runs_no_code(tmp_path):
    class Code:
        def __reduce__(self):
            return Path.touch, (tmp_path / "it ran",)

    code = {"a": np.array([Code(), None])}
    for weights, arrays in ((code, WEIGHTS), (WEIGHTS, code)):
        checkpoint.save(tmp_path, 4, weights, (arrays, {}), **MANIFEST)
        with pytest.raises(Problem, match="no whole checkpoint"):
            checkpoint.newest(tmp_path).training()
    assert not (tmp_path / "it ran").exists()
