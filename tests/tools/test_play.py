"""Flying it yourself, with keys that a test presses."""

import pygame
import pytest
from helpers import assert_refused, run_main

from scripts import play
from starter.environments.environment import load


def test_without_a_screen_it_is_refused():
    assert_refused(run_main(script="scripts/play.py"), "no display", "a screen and a keyboard")


@pytest.mark.parametrize(("key", "action"), [(pygame.K_LEFT, play.LEFT), (None, 0)])
def test_a_key_held_down_is_the_action_all_along(key, action, monkeypatch):
    """The returns are those of the environment, and it ends with the episode."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pygame.init()
    if key:
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key))
    flown = play.fly_yourself(seed=5, speed=1_000)
    env = load("LunarLander-v2", action_repeat=1).make()
    env.reset(seed=5)
    expected, ended = 0.0, False
    while not ended:  # play() asks for keys only after it has shown the start: none is missed
        _, reward, terminated, truncated, _ = env.step(action)
        expected += reward
        ended = terminated or truncated
    assert flown == expected


def test_left_and_right_push_that_way():
    env = load("LunarLander-v2", action_repeat=1).make()
    for action, sign in ((play.LEFT, -1), (play.RIGHT, 1)):
        before, _ = env.reset(seed=5)
        for _ in range(5):
            after, *_ = env.step(action)
        assert sign * (after[2] - before[2]) > 0.02
