"""What comes with the clone: the trained policy, and the story of how it learned."""

import numpy as np
from helpers import PROJECT

import main
from starter import trained

DEMO = PROJECT / "docs" / "demo"


def test_the_demo_lands_whatever_main_py_says_now():
    demo = trained.load(DEMO)
    returns = main.evaluate(demo.pilot, demo.environment, episodes=20, first_seed=77)
    assert returns.mean() > 200
    assert np.median(returns) > 220


def test_the_demo_is_small_and_holds_nothing_that_runs():
    files = [path for path in DEMO.rglob("*") if path.is_file()]
    assert sorted(path.name for path in files) == ["manifest.json", "policy.npz", "settings.json"]
    assert sum(path.stat().st_size for path in files) < 300_000
    assert all(b"/home" not in path.read_bytes() for path in files)
