"""The picture of the lander's observations is drawn where the lander is."""

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.box2d import lunar_lander
from helpers import PROJECT, run_main
from PIL import Image

from scripts import observations

PURPLE = (128, 102, 230)  # the lander's body and legs


@pytest.mark.parametrize(("seed", "timesteps"), [(1, 50), (2, 40), (3, 90), (17, 69), (23, 50)])
def test_the_pixel_is_the_landers(seed, timesteps):
    frame, observation = observations.fly(seed, timesteps)
    x, y = observations.pixel(observation)
    rows, columns = (frame == PURPLE).all(axis=2).nonzero()
    # Its middle, between the roof and the legs; of the 60 pixels that it is wide and 45 high.
    assert x == pytest.approx((columns.min() + columns.max()) / 2, abs=6)
    assert y == pytest.approx((rows.min() + rows.max()) / 2, abs=6)


def test_the_pad_is_where_the_picture_has_it():
    frame, _ = observations.fly(1, 1)
    x, y = map(round, observations.pixel(np.zeros(8)))
    feet = y + lunar_lander.LEG_DOWN  # the legs' length below the lander's middle
    assert (frame[feet + 3, x - 58 : x + 58] == 255).all()  # the moon, from flag to flag
    assert (frame[feet - 3, x - 58 : x + 58] == 0).all()


@pytest.mark.parametrize(("action", "side"), [(1, 1), (3, -1)])
def test_the_engines_and_legs_are_on_the_sides_that_are_drawn(action, side):
    """The "left engine" is on the right and pushes to the left; and so on."""
    env = gymnasium.make("LunarLander-v2", render_mode="rgb_array")
    states = {}
    for taken in (0, action):
        env.reset(seed=0)
        states[taken] = env.step(taken)[0]
    game = env.unwrapped
    assert np.sign(game.particles[-1].position.x - game.lander.position.x) == side
    legs = [leg.position.x - game.lander.position.x for leg in game.legs]
    assert legs[0] > 0 > legs[1]
    assert np.sign(states[action][2] - states[0][2]) == -side
    assert np.sign(states[action][5] - states[0][5]) == side  # 1 turns it counter-clockwise
    env.close()


def test_what_is_written_of_the_speeds_is_so():
    env = gymnasium.make("LunarLander-v2")
    observation, _ = env.reset(seed=4)
    game = env.unwrapped
    seconds = [20 / game.lander.linearVelocity.x, 400 / 30 / game.lander.linearVelocity.y]
    assert seconds * observation[2:4] == pytest.approx([4, 1.8], abs=0.03)
    assert game.lander.angularVelocity == pytest.approx(2.5 * observation[5])
    assert observations.pixel([0, 1.41])[1] == pytest.approx(0, abs=0.5)
    env.close()


def test_the_script_draws_the_picture_that_is_in_docs(tmp_path):
    done = run_main("--output", tmp_path / "drawn.png", script="scripts.observations")
    assert done.returncode == 0, done.stderr
    kept = PROJECT / "docs" / "observations.png"
    assert kept.stat().st_size < 200_000
    drawn, kept = (np.asarray(Image.open(path)) for path in (tmp_path / "drawn.png", kept))
    assert drawn.shape[:2] == (660, 1000)
    # Not to the last bit: other instructions of the CPU may round a color otherwise.
    assert np.abs(drawn.astype(int) - kept).mean() < 0.1
    # The flight's frame is at the picture's left top: the velocity's line begins in the lander.
    _, observation = observations.fly(observations.SEED, observations.TIMESTEPS)
    x, y = map(round, observations.pixel(observation))
    assert (drawn[y - 3 : y + 4, x - 3 : x + 4, :3] == (0x4F, 0xC3, 0xF7)).all(axis=2).any()
