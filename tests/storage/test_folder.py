"""The folders of the runs: which is the newest, who may write to one, and full disks."""

import os
import shutil

import pytest
from helpers import run_main
from storage.test_checkpoint import MANIFEST, WEIGHTS

from starter import Problem
from starter.storage import checkpoint, folder


def save(run, iteration=1):
    run.mkdir(exist_ok=True, parents=True)
    path = checkpoint.save(run, iteration, WEIGHTS, **MANIFEST)
    folder.name_latest(run)
    return path


def test_the_newest_run_is_found_with_or_without_its_link(tmp_path, monkeypatch):
    runs, latest = tmp_path / "runs", tmp_path / "runs" / "latest"
    save(runs / "b", 9)
    new = save(runs / "a")  # last by the clock alone
    assert os.readlink(latest) == "a"  # the runs may be moved as a whole
    assert checkpoint.newest(latest).path == checkpoint.newest(runs).path == new
    latest.unlink()
    shutil.copytree(runs / "a", latest)  # as zip, cp -rL and cloud drives do
    assert checkpoint.newest(latest).path == new
    newer = save(runs / "b", 10)
    assert checkpoint.newest(latest).path == newer
    shutil.copytree(runs / "b", runs / "old")  # a copy is no newer than what it was copied from
    newest = save(runs / "a", 2)
    assert checkpoint.newest(latest).path == newest
    os.truncate(newest, 100)  # better none than an old run's
    with pytest.raises(Problem, match=f"no whole checkpoint in {newest}"):
        checkpoint.newest(latest)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert checkpoint.newest("~/runs/b").path == newer
    monkeypatch.chdir(runs / "b")
    assert checkpoint.newest(".").path == newer


def test_a_new_run_has_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    name = "a:b/c " + "é" * 200
    with folder.opened("~/runs", name) as one, folder.opened(tmp_path / "runs", name) as two:
        assert one != two  # of the same second
        assert one.parent == two.parent == tmp_path / "runs"
        assert one.name.startswith("a-b-c-ééé")
        assert len(two.name.encode()) < 160
        (two / "kept").touch()
    assert list((tmp_path / "runs").iterdir()) == [two]


def test_a_run_is_in_use_until_its_process_has_ended(tmp_path):
    again = folder.opened(tmp_path, "", tmp_path)
    with folder.opened(tmp_path, "", tmp_path):
        (tmp_path / "kept").touch()
        with pytest.raises(Problem, match=f"another process is using {tmp_path}"):
            again.__enter__()
    with folder.opened(tmp_path, "", tmp_path) as opened:
        assert opened == tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(("size", "kept"), [("64k", False), ("20m", True)])
def test_a_full_disk_costs_no_training_and_no_checkpoint(size, kept, tmp_path):
    # It is filled up once the first iteration is saved, if there is room for that.
    fill = f"""
        mount -t tmpfs -o size={size} tmpfs {tmp_path} || exit 99
        (until ls {tmp_path}/latest; do sleep 0.1; done; cat /dev/zero > {tmp_path}/filler) \\
            > /dev/null 2>&1 &
        "$@"
        status=$?
        kill $! 2> /dev/null
        rm -f {tmp_path}/filler
        cp -r {tmp_path}/Lunar*/checkpoint_* {tmp_path}-kept 2> /dev/null
        exit $status
    """
    on_full_disk = ["unshare", "--map-root-user", "--mount", "sh", "-c", fill, "sh"]
    flags = ["--iterations", 4, "--render", "none", "--output", tmp_path]
    done = run_main(*flags, before=on_full_disk)
    if done.returncode == 99 or "unshare" in done.stderr:
        pytest.skip("this machine does not allow a disk of one's own: " + done.stderr.strip())
    assert done.returncode == 1, done.stderr
    *warnings, error = done.stderr.splitlines()
    (warning,) = (line for line in warnings if "no learning curve" not in line)
    assert warning.startswith("warning: cannot write ")
    assert warning.endswith("; training continues")
    assert error.startswith("error: cannot write ")
    assert "No space left on device" in error
    assert "\n        4     16,384 " in done.stdout
    if kept:
        iteration = checkpoint.newest(f"{tmp_path}-kept").manifest["iteration"]
        assert f"/checkpoint_{iteration:06}.npz\n" in done.stdout  # as it says
    else:
        assert "saved nothing" in done.stdout
