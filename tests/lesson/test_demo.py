"""What comes with the clone: the trained policy, and the story of how it learned."""

import re

import numpy as np
import pytest
from helpers import PROJECT, run_here, run_main
from PIL import Image

import main
from scripts import watch
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


def test_the_demo_by_the_command_line(tmp_path):
    flags = ["--episodes", 1, "--render", "none", "--output", tmp_path]
    done = run_here(watch.watch, "--from-checkpoint", DEMO, *flags)
    assert done.returncode == 0, done.stderr
    (episode_return,) = re.findall(r"^episode 1: return (-?[\d.]+)$", done.stdout, re.M)
    assert float(episode_return) > 100


@pytest.mark.slow
def test_the_story_shows_three_flights_of_one_episode(tmp_path):
    done = run_main("--output", tmp_path / "story.gif", script="scripts.maintain.story")
    assert done.returncode == 0, done.stderr
    ends = re.findall(r"^(?:before training|after \d+ iterations): (.*)", done.stdout, re.M)
    assert len(set(ends)) == 3
    image = Image.open(tmp_path / "story.gif")
    first = np.asarray(image.convert("RGB"))
    moons = [part[150:225, :295] for part in np.split(first, 3, axis=1)]
    assert (moons[0] == moons[1]).all()  # the same episode
    assert (moons[0] == moons[2]).all()
    image.seek(image.n_frames - 1)
    assert (np.asarray(image.convert("RGB"))[150:225] != first[150:225]).any()
