"""The real locks, installed: nothing comes from elsewhere, and what comes runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import copy_project, environment
from helpers.locked_index import LOCKS, LockedIndex

from starter import preflight


def pip_cache():
    asked = [sys.executable, "-m", "pip", "--disable-pip-version-check", "cache", "dir"]
    return Path(subprocess.check_output(asked, text=True, stderr=subprocess.DEVNULL).strip())


@pytest.mark.slow
def test_nothing_is_installed_that_is_not_in_a_lock(tmp_path):
    project = copy_project(tmp_path / "project")
    # Downloads come from pip's cache; what was built of them on another day does not.
    cache = tmp_path / "cache"
    cache.mkdir()
    for downloads in pip_cache().glob("http*"):
        (cache / downloads.name).symlink_to(downloads)
    with LockedIndex() as index:
        done = subprocess.run(
            ["scripts/setup.sh", "dev"],
            cwd=str(project),
            env=environment(
                HOME=str(tmp_path / "home"),
                PYTHON=str(Path(sys.base_prefix, "bin", "python3")),
                PIP_CONFIG_FILE=os.devnull,
                PIP_INDEX_URL=index.url,
                PIP_EXTRA_INDEX_URL=None,
                PIP_FIND_LINKS=None,
                PIP_CACHE_DIR=str(cache),
            ),
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert index.refused == []
    locked = {}
    for lock in LOCKS:
        locked.update(preflight.pins(project / lock))
    assert set(index.asked) == set(locked)
    assert list(cache.rglob("box2d_py-*.whl"))  # built here, and kept for the next set-up
    # What was built works: the lander's physics, from its source.
    code = "import gymnasium; print(len(gymnasium.make('LunarLander-v2').reset(seed=0)[0]))"
    flown = subprocess.run(
        [str(project / ".venv/bin/python"), "-c", code], capture_output=True, text=True
    )
    assert flown.stdout == "8\n", flown.stderr
    shutil.rmtree(str(project / ".venv"))  # 2 GB
