"""Flying it yourself, with keys that a test presses."""

import pygame
import pytest
from helpers import assert_refused, run_main

from scripts import play


def test_without_a_screen_it_is_refused():
    assert_refused(run_main(script="scripts.play"), "no display", "a screen and a keyboard")


@pytest.mark.parametrize(("key", "action"), [(pygame.K_LEFT, 1), (None, 0)])
def test_a_key_held_down_is_the_action_all_along(key, action, monkeypatch):
    """The returns are those of the environment, and it ends with the episode."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setattr(play.LANDER, "frames_per_second", 10_000)  # rather than wait
    pygame.init()
    if key:
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key))
    flown = play.fly_yourself(seed=5)
    env = play.LANDER.make()
    env.reset(seed=5)
    expected, over = 0.0, False
    # play() asks for keys only after it has shown the start, so none is missed.
    while not over:
        _, reward, terminated, truncated, _ = env.step(action)
        expected += reward
        over = terminated or truncated
    assert flown == expected


def test_left_and_right_push_that_way():
    speeds = {}
    for action in (play.LEFT, play.RIGHT):
        env = play.LANDER.make()
        before, _ = env.reset(seed=5)
        for _ in range(5):
            after, *_ = env.step(action)
        speeds[action] = after[2] - before[2]
    assert speeds[play.LEFT] < -0.02
    assert speeds[play.RIGHT] > 0.02
