"""What comes with the clone: the trained policy, and the story of how it learned."""

import re

import numpy as np
import pytest
from helpers import PROJECT, run_main
from PIL import Image

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


@pytest.mark.slow
def test_the_story_shows_three_flights_of_one_episode(tmp_path):
    done = run_main("--output", tmp_path / "story.gif", script="scripts.maintain.pictures")
    assert done.returncode == 0, done.stderr
    ends = re.findall(r"^(?:before training|after \d+ iterations): (.*)", done.stdout, re.M)
    assert len(set(ends)) == 3
    image = Image.open(tmp_path / "story.gif")
    moons = [part[150:225, :295] for part in np.split(np.asarray(image.convert("RGB")), 3, axis=1)]
    assert (moons[0] == moons[1]).all()  # the same episode
    assert (moons[0] == moons[2]).all()
    assert image.n_frames > 100
