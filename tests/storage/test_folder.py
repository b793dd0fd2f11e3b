"""A run's folder: the link to the newest, and disks that are full."""

import os
import subprocess
import sys

import pytest
from helpers import PROJECT, assert_refused, environment, run_here

import main
from starter import Problem
from starter.storage import folder
from starter.storage.run import Run


def test_latest_leads_to_the_newest_run(tmp_path, monkeypatch):
    runs = [tmp_path / name for name in ("one", "two", "three")]
    for run in runs[:2]:
        run.mkdir()
        folder.name_latest(run)
        assert folder.follow(tmp_path / "latest") == run
        assert os.readlink(tmp_path / "latest") == run.name  # it may be moved as a whole

    def no_links(*arguments, **named):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(type(tmp_path), "symlink_to", no_links)
    folder.name_latest(runs[2])
    assert not (tmp_path / "latest").is_symlink()
    assert folder.follow(tmp_path / "latest") == runs[2]


def test_runs_of_one_second_have_folders_of_their_own_and_empty_ones_go(tmp_path):
    name = "a:b/c " + "x" * 200
    with folder.opened(tmp_path, name) as one, folder.opened(tmp_path, name) as two:
        assert one != two
        assert one.parent == two.parent == tmp_path
        assert one.name.startswith("a-b-c-xxx")
        assert len(two.name) < 160
        (two / "kept").touch()
    assert list(tmp_path.iterdir()) == [two]
    assert list(two.iterdir()) == [two / "kept"]
    with folder.opened(tmp_path, name) as removed:
        (removed / folder.RESERVE).unlink()
        removed.rmdir()  # by the user; that is no error of its own


def test_an_output_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = run_here(main.main, "--output", tmp_path / "file" / "runs")
    assert_refused(done, "cannot write", "--output")


@pytest.mark.parametrize("last", [False, True])
def test_a_file_that_cannot_be_written_ends_only_the_last_iteration(
    last, tmp_path, monkeypatch, capsys
):
    def full(*_):
        raise Problem("cannot write it")

    def broken(*_):
        raise MemoryError("no picture")

    run = Run(tmp_path, main.LANDER)
    written = []
    for name in ("_save_settings", "_save_tables", "_save_checkpoint", "_add_to_log", "_draw"):
        monkeypatch.setattr(run, name, lambda *_: written.append(1))
    monkeypatch.setattr(run, "_add", lambda *_: None)
    monkeypatch.setattr(run, "_save_tables", full)
    monkeypatch.setattr(run, "_draw", broken)
    if last:
        with pytest.raises(Problem, match="cannot write it"):
            run.record(None, {}, last)
    else:
        run.record(None, {})
        run.record(None, {})
        assert len(written) == 6  # the checkpoint, too
        assert capsys.readouterr().err == (
            "warning: cannot write it; training continues\n"
            "warning: no picture; training continues\n"
        )


SMALL_DISK = """
set -e
mount -t tmpfs -o size=64k tmpfs /dev/shm
mount -t tmpfs -o size={size} tmpfs "{mount}"
status=0
{command} || status=$?
ls -A "{mount}"/*/ 2>/dev/null || true
exit $status
"""


def on_a_small_disk(tmp_path, size, flags, before=""):
    """Run main.py with a disk of that size at `tmp_path` and a /dev/shm too small for Ray."""
    command = f"{before}{sys.executable} main.py --output {tmp_path} {flags}"
    script = SMALL_DISK.format(size=size, mount=tmp_path, command=command)
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script],
        cwd=str(PROJECT),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=600,
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("this machine does not allow a disk of one's own: " + done.stderr.strip())
    return done


@pytest.mark.slow
def test_a_disk_that_is_full_from_the_start(tmp_path):
    done = on_a_small_disk(tmp_path, "4m", "--iterations 1")
    assert_refused(done, "cannot write", "No space left on device", "--output")
    assert done.stdout == ""  # not a line of training, and nothing left on the disk


@pytest.mark.slow
def test_a_disk_that_fills_up_while_training_loses_nothing(tmp_path):
    # Once the first iteration is saved.
    wait = f"while ! ls {tmp_path}/latest >/dev/null 2>&1; do sleep 0.1; done"
    fill = f"({wait}; cat /dev/zero > {tmp_path}/filler 2>/dev/null) & "
    done = on_a_small_disk(tmp_path, "20m", "--iterations 3 --render none", fill)
    assert done.returncode == 0, done.stderr
    warnings = done.stderr.splitlines()
    assert any("No space left on device; " in warning for warning in warnings)
    assert all(warning.startswith("warning: ") for warning in warnings), done.stderr
    assert len(set(warnings)) == len(warnings) <= 4
    written = done.stdout.split("saved ")[1].split()
    assert {"checkpoint_000003", "statistics.csv", "evaluations.csv"} <= set(written)
