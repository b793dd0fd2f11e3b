"""Fly the lander yourself: `make play`. Then see how the trained policy does from the same start.

Up fires the main engine, left and right push the lander that way. Land between the flags, slowly
and upright. It runs at half speed; the policy has no need of that.
"""

from starter import preflight

preflight.check()

import pygame
from typer import Option

import main
from starter import PROJECT, Problem, console, trained
from starter.display.window import NoWindow, Window
from starter.environments.environment import load

LEFT, MAIN, RIGHT = 1, 2, 3  # engines: the actions that push left, up and right
KEYS = {
    (pygame.K_LEFT,): LEFT,
    (pygame.K_UP,): MAIN,
    (pygame.K_RIGHT,): RIGHT,
    (pygame.K_LEFT, pygame.K_UP): LEFT,  # one engine at a time
    (pygame.K_RIGHT, pygame.K_UP): RIGHT,
}


def fly_yourself(seed: int, speed: float = 0.5) -> float:
    """Let the user fly an episode at this speed, 1 being real time; return its return."""
    from gymnasium.utils.play import play

    lander, rewards = load("LunarLander-v2", action_repeat=1), []  # you decide in every frame

    def after_step(before, observation, action, reward, terminated, truncated, info):
        rewards.append(reward)
        if terminated or truncated:
            pygame.event.post(pygame.event.Event(pygame.QUIT))

    with lander.make("rgb_array") as env:
        fps = lander.timesteps_per_second * speed
        play(env, fps=fps, zoom=1.5, seed=seed, keys_to_action=KEYS, callback=after_step)
    return sum(rewards)


def run(seed: int = Option(1, min=0, help="Set the random seed of the start.")):
    """Fly the lander with the arrow keys, against the policy that came with the clone."""
    try:
        Window()
    except NoWindow as reason:
        raise Problem(f"{reason}: you need a screen and a keyboard to fly") from None
    demo = trained.load(PROJECT / "docs" / "demo")
    print("up: main engine    left, right: push that way    Esc: give up")
    pygame.display.set_caption("Land between the flags, slowly and upright")
    print(f"your return: {fly_yourself(seed):.2f}")
    (theirs,) = main.evaluate(demo.pilot, demo.environment, episodes=1, first_seed=seed)
    print(f"the trained policy's, from the same start: {theirs:.2f}")


if __name__ == "__main__":
    console.run(run)
