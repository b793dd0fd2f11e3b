"""What comes with the clone: the trained policy, and the picture of how it was learned."""

import json
import re

import numpy as np
import pytest
from helpers import PROJECT, run_here, run_main
from PIL import Image

import main
from scripts import watch
from starter.storage import checkpoint

EXPECTED = json.loads((PROJECT / "tests" / "expected" / "full.json").read_text("utf-8"))
DEMO = PROJECT / "docs" / "demo"


def test_the_demo_is_the_readmes_policy_and_lands():
    found = checkpoint.newest(DEMO)
    digest = f"weights: SHA-256 {checkpoint.digest(found.weights)}"
    assert digest in EXPECTED["printed"]
    assert digest in (PROJECT / "README.md").read_text("utf-8")
    returns = main.evaluate(watch.load_policy(found, main.LANDER), episodes=20, first_seed=77)
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
    picture = tmp_path / "story.gif"
    done = run_main("--iterations", 2, "--output", picture, script="scripts.story")
    assert done.returncode == 0, done.stderr
    told = re.findall(
        r"^(before training|after [\d,]+ timesteps): (.* [+-]\d+)$", done.stdout, re.M
    )
    titles = ["before training", "after 4,096 timesteps", "after 8,192 timesteps"]
    assert [title for title, _ in told] == titles
    assert len({verdict for _, verdict in told}) > 1
    for path in (picture, PROJECT / "docs" / "story.gif"):
        image = Image.open(path)
        assert image.size == (900, 256)
        assert image.info["duration"] == 40
        assert image.info["loop"] == 0
        assert path.stat().st_size < 1e6
        first = np.asarray(image.convert("RGB"))
        moons = [first[150:228, 300 * i : 300 * i + 295] for i in range(3)]
        assert (moons[0] == moons[1]).all()  # the same episode
        assert (moons[0] == moons[2]).all()
        image.seek(image.n_frames - 1)
        last = np.asarray(image.convert("RGB"))
        assert (last[:28] == first[:28]).all()  # the titles
        assert (last[228:] != first[228:]).any()  # the verdicts
