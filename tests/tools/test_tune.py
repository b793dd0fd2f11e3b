"""The example for Ray Tune trains what main.py does, and leaves nothing outside runs/."""

import shutil
import subprocess
import sys

import pytest
from helpers import PROJECT, environment, run_code
from helpers.processes import children, command, listening, wait_for
from PIL import Image

from starter.storage import tables

SEARCH = """
import pathlib, sys
from examples import tune
from starter import console
tune.GRID = {{"n_step": [1, 3], "gamma": [{gamma}], "seed": [3]}}
tune.FOLDER = pathlib.Path({folder!r})
sys.argv = ["tune", "--iterations", "2"]
console.run(tune.search)
"""


@pytest.mark.slow
def test_a_search_trains_what_main_does(trained, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    script = SEARCH.format(gamma=0.99, folder=str(tmp_path / "tune"))
    search = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=PROJECT,
        env=environment(HOME=str(home), PYTHONPATH=str(PROJECT)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for(
        lambda: any("ray::" in command(pid) for pid in children(search.pid)) or search.poll(),
        "a trial",
    )
    addresses = listening([search.pid, *children(search.pid)]) if shutil.which("ss") else None
    printed = search.communicate(timeout=240)[0].splitlines()
    assert search.returncode == 0, printed
    if addresses is None:
        print("ss is not installed: which addresses it listens on was not looked at")
    else:
        assert {address.rpartition(":")[0] for address in addresses} == {"[::ffff:127.0.0.1]"}
    (run,) = trained[0].glob("Lunar*")
    mean = tables.read(run / "statistics.csv")[1]["episode_reward_mean"]
    assert printed[0].split() == ["n_step", "gamma", "seed", "timesteps", "mean"]
    rows = {row.split()[0]: row.split()[1:] for row in printed[1:3]}
    assert rows["3"][:3] == ["0.99", "3", "8192"]
    assert float(rows["3"][3]) == pytest.approx(mean, abs=1e-5)
    assert float(rows["1"][3]) != pytest.approx(mean, abs=1)
    assert printed[3:] == [f"wrote {tmp_path / 'tune' / 'curves.png'}"]
    with Image.open(tmp_path / "tune" / "curves.png") as picture:
        assert picture.size == (1200, 480)
    assert list(home.iterdir()) == []


@pytest.mark.slow
def test_a_trial_that_fails_is_one_line(tmp_path):
    done = run_code(SEARCH.format(gamma="'much'", folder=str(tmp_path)), PYTHONPATH=str(PROJECT))
    assert done.returncode == 1
    assert done.stderr.startswith("error: a trial failed: unsupported operand")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
