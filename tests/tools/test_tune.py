"""The example for Ray Tune, with a grid of two settings."""

import re

import pytest
from helpers import PROJECT, run_code

import main
from starter.environments.environment import load

SEARCH = """
import sys
from examples import tune
tune.GRID, tune.FOLDER = {{"n_step": [1, 3], "seed": [3]}}, {folder!r}
sys.argv = ["tune", "--iterations", "5"]
tune.console.run(tune.search)
"""


@pytest.mark.slow
def test_trials_report_and_are_ranked_by_what_the_greedy_policy_returns(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    script = SEARCH.format(folder=str(tmp_path / "tune"))
    done = run_code(script, HOME=home, PYTHONPATH=PROJECT)
    assert done.returncode == 0, done.stderr
    first, *progress, _, best, second = done.stdout.splitlines()
    assert first.startswith("2 trials on ")
    assert sorted(line.split("return")[0] for line in progress) == [
        f"n_step={n} seed=3 iteration=5 " for n in (1, 3)
    ]
    best, second = (float(line.split("return=")[1]) for line in (best, second))
    assert best > second
    lander = load("LunarLander-v2")
    algorithm = main.configure(3, lander).build()
    for _ in range(5):
        algorithm.train()
    returns = main.evaluate(algorithm.greedy, lander, 50, 2_000_000)
    assert re.search(r"n_step=3 .* return=(\S+)", done.stdout)[1] == f"{returns.mean():.1f}"
    assert list(home.iterdir()) == []
