"""Each kind of bad input: one clear line, a non-zero exit, nothing left behind."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import PROJECT, assert_refused, copy_project, environment, run_main

from starter import Problem
from starter.storage import checkpoint as checkpoints
from starter.storage import folder as run_folder


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--iterations", "0"], ["--iterations", "0 is not in the range x>=1"]),
        (["--iterations", "-5"], ["--iterations", "-5 is not in the range x>=1"]),
        (["--iterations", "abc"], ["--iterations", "'abc' is not a valid integer"]),
        (["--seed", "-1"], ["--seed", "-1 is not in the range x>=0"]),
        (["--episodes", "0"], ["--episodes", "0 is not in the range x>=1"]),
        (["--render", "hologram"], ["--render", "'auto', 'window', 'gif', 'none'"]),
        (["--sede", "1"], ["No such option: --sede"]),
        (["surplus"], ["unexpected extra argument"]),
    ],
)
def test_a_mistyped_flag(flags, words, tmp_path):
    done = run_main(*flags, "--output", tmp_path / "runs")
    assert_refused(done, *words, status=2)
    assert not (tmp_path / "runs").exists()


def test_a_window_without_a_display(tmp_path):
    done = run_main("--render", "window", "--output", tmp_path / "runs")
    assert_refused(done, "DISPLAY", "--render gif")
    assert not (tmp_path / "runs").exists()


def test_a_window_on_a_display_that_is_not_there(tmp_path):
    done = run_main("--render", "window", "--output", tmp_path / "runs", DISPLAY=":4711")
    assert_refused(done, "no display", "--render gif")


def test_a_window_that_nobody_can_see(tmp_path):
    done = run_main("--render", "window", "--output", tmp_path / "runs", SDL_VIDEODRIVER="dummy")
    assert_refused(done, "dummy driver shows nothing", "--render gif")


def missing(path):
    shutil.rmtree(path)


def empty(path):
    missing(path)
    path.mkdir()


def cut_short(path):
    state = path / "policy.npz"
    state.write_bytes(state.read_bytes()[:1000])


def one_byte_changed(path):
    state = path / "training.npz"
    content = bytearray(state.read_bytes())
    content[len(content) // 2] ^= 1
    state.write_bytes(content)


def file_lost(path):
    (path / "policy.npz").unlink()


def without_manifest(path):
    (path / "manifest.json").unlink()


def another_projects(path):
    (path / "manifest.json").write_text('{"name": "another"}')


def manifest_cut_short(path):
    manifest = path / "manifest.json"
    manifest.write_text(manifest.read_text()[:40])


def edit_manifest(path, **said):
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**manifest, **said}))


def renew_digest(path):
    files = json.loads((path / "manifest.json").read_text())["files"]
    digest = checkpoints._sha256(path / "policy.npz")
    edit_manifest(path, files={**files, "policy.npz": digest})


def a_pickle(path):
    """That would run code if it were unpickled, with a manifest that matches it."""

    class Code:
        def __reduce__(self):
            return Path.touch, (path / "it ran",)

    array = np.empty(1, object)
    array[0] = Code()
    np.savez(path / "policy.npz", network=array)
    renew_digest(path)


def another_networks(path):
    weights = dict(np.load(path / "policy.npz"))
    name = next(iter(weights))
    np.savez(path / "policy.npz", **{**weights, name: weights[name][:-1]})
    renew_digest(path)


def another_environments(path):
    edit_manifest(path, environment="CartPole-v1")


def edited_by_hand(path):
    edit_manifest(path, arguments="gravity=-5.0")


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (missing, "there is no folder"),
        (empty, "not a checkpoint of this project"),
        (without_manifest, "not a checkpoint of this project"),
        (another_projects, "not a checkpoint of this project"),
        (manifest_cut_short, "not a checkpoint of this project"),
        (edited_by_hand, "not a checkpoint of this project"),
        (another_environments, "learned CartPole-v1, not LunarLander-v2"),
        (a_pickle, "policy.npz holds more than numbers"),
        (another_networks, "the checkpoint's network has other layers than main.py's"),
        (cut_short, "policy.npz is cut short or changed"),
        (one_byte_changed, "training.npz is cut short or changed"),
        (file_lost, "policy.npz is cut short or changed"),
    ],
)
def test_a_checkpoint_that_is_not_one(damage, word, trained, tmp_path):
    (source,) = trained[0].glob("LunarLander*/checkpoint_*")
    checkpoint = tmp_path / "checkpoint"
    shutil.copytree(source, checkpoint)
    damage(checkpoint)
    output = tmp_path / "runs"
    flags = ["--env", "LunarLander-v2", "--output", output]
    done = run_main("--from-checkpoint", checkpoint, *flags)
    assert_refused(done, word)
    assert str(checkpoint) in done.stderr or "network" in word
    assert not (checkpoint / "it ran").exists()
    assert not output.exists() or not list(output.iterdir())


def test_an_output_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = run_main("--output", tmp_path / "file" / "runs")
    assert_refused(done, "cannot write", "--output")


SMALL_DISK = """
set -e
mount -t tmpfs -o size={size} tmpfs "{mount}"
cd "{project}"
status=0
{command} || status=$?
ls -A "{mount}"/*/ 2>/dev/null || true
exit $status
"""


def on_a_small_disk(tmp_path, size, command):
    """Run a shell command with a disk of that size at `tmp_path`, which it alone sees."""
    script = SMALL_DISK.format(size=size, mount=tmp_path, project=PROJECT, command=command)
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=600,
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("this machine does not allow a disk of one's own: " + done.stderr.strip())
    return done


def test_a_disk_that_is_full_from_the_start(tmp_path):
    done = on_a_small_disk(
        tmp_path, "4m", f"{sys.executable} main.py --iterations 1 --output {tmp_path}"
    )
    assert_refused(done, "cannot write", "No space left on device", "--output")
    assert done.stdout == ""  # not a line of training, and nothing left on the disk


def test_a_disk_that_fills_up_while_training_loses_nothing(tmp_path):
    # Once the first iteration is saved.
    wait = f"while ! ls {tmp_path}/latest >/dev/null 2>&1; do sleep 0.1; done"
    fill = f"({wait}; cat /dev/zero > {tmp_path}/filler 2>/dev/null) & "
    train = f"{sys.executable} main.py --iterations 3 --render none --output {tmp_path}"
    done = on_a_small_disk(tmp_path, "20m", f"{fill}{train}")
    assert done.returncode == 0, done.stderr
    assert "No space left on device; mend that" in done.stderr  # once, and training went on
    assert done.stderr.count("training goes on") <= 4
    written = done.stdout.split("saved ")[1].split()
    assert {"checkpoint_000003", "statistics.csv", "evaluations.csv"} <= set(written)


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    def full_disk(path, **arrays):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    old = checkpoints.save(tmp_path, 1, {"a": np.zeros(1)})
    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(Problem, match="No space left on device"):
        checkpoints.save(tmp_path, 2, {"a": np.zeros(1)})
    assert list(tmp_path.iterdir()) == [old]


def test_an_interrupted_file_leaves_the_old_one(tmp_path):
    path = tmp_path / "picture.gif"
    path.write_text("old")
    with pytest.raises(Problem, match="cannot write"), run_folder.replacing(path) as scratch:
        scratch.write_text("half")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def other_pythons():
    for name in ("python3.7", "python3.11", "python3.12", "python3.13"):
        for candidate in (shutil.which(name), *Path.home().glob(f".pyenv/versions/*/bin/{name}")):
            runs = candidate and subprocess.run([str(candidate), "-c", ""], capture_output=True)
            if runs and runs.returncode == 0:
                yield str(candidate), name[len("python") :]
                break


def test_another_python():
    found = list(other_pythons())
    if not found:
        pytest.skip("no Python other than 3.8, 3.9 and 3.10 on this machine")
    for python, version in found:
        assert_refused(run_main(python=python), f"this is Python {version}", "make setup")


def test_outside_the_environment():
    base = Path(sys.base_prefix, "bin", "python3")
    done = run_main(python=base)
    assert_refused(done, "is not installed", "make setup")


@pytest.fixture()
def copy(tmp_path):
    """The script and what it reads, to be changed at will."""
    return copy_project(tmp_path)


def test_a_package_of_another_version(copy):
    lock = copy / "requirements.txt"
    lock.write_text(lock.read_text().replace("numpy==1.23.5", "numpy==1.23.4"))
    done = run_main(cwd=copy)
    assert_refused(done, "numpy is 1.23.5 here and 1.23.4 in the lock", "make setup")


def test_a_package_that_is_missing(copy):
    with (copy / "requirements.txt").open("a") as lock:
        lock.write("no-such-package==1.0\n")
    assert_refused(run_main(cwd=copy), "no-such-package is not installed", "make setup")


def test_ray_needs_no_shared_memory(tmp_path):
    """Ray's servers would fail on a small /dev/shm; this project starts none."""
    train = f"{sys.executable} main.py --iterations 1 --render none --output {tmp_path}"
    command = f"mount -t tmpfs -o size=64k tmpfs /dev/shm && {train}"
    done = on_a_small_disk(tmp_path, "20m", command)
    assert done.returncode == 0, done.stderr
    assert "checkpoint_000001" in done.stdout.splitlines()
