"""Draw how the policy learns, docs/story.gif: `make story`.

It trains with the README's seed, as `make` does, and lets the policy fly one and the same
episode three times, side by side: before training, half-way and at the end.
"""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent

from starter import preflight

preflight.check()

import numpy as np
import typer

import main
from starter import console
from starter.display import overlay, screen
from starter.storage.run import Run

SEED = 0
EPISODE = 1  # of the three that the README's run shows
HELD = 100  # frames at the end, for reading


class Weights(Run):
    """Keeps the network of every iteration, in memory."""

    def __init__(self):
        super().__init__()
        self.networks = []

    def record(self, algorithm, result, last=False):
        super().record(algorithm, result, last)
        self.networks.append(algorithm.get_policy().get_weights())


def fly(policy, weights, seed):
    """Fly an episode with these weights; gives its frames, returns so far, and verdict."""
    policy.set_weights(weights)
    env = main.LANDER.make("rgb_array")
    observation, _ = env.reset(seed=seed)
    frames, returns, verdict = [env.render()], [0.0], None
    while not verdict:
        action, _, _ = policy.compute_single_action(observation, explore=False)
        observation, reward, terminated, truncated, _ = env.step(action)
        frames.append(env.render())
        returns.append(returns[-1] + reward)
        if terminated or truncated:
            verdict = main.LANDER.verdict(observation, reward, truncated, returns[-1])
    env.close()
    return frames, returns, verdict


def story(
    iterations: int = typer.Option(main.ITERATIONS, min=2, help="Iterations to train at most."),
    output: Path = typer.Option(PROJECT / "docs" / "story.gif", help="The picture."),
):
    """Train, and draw one episode flown before, half-way through and after it."""
    algorithm = main.build_algorithm(SEED)
    policy = algorithm.get_policy()
    untrained = policy.get_weights()
    run = main.train(algorithm, iterations, main.LANDER.solved, Weights())
    half = (len(run.networks) + 1) // 2
    flights = [
        (title, *fly(policy, weights, SEED + EPISODE))
        for title, weights in [
            ("before training", untrained),
            (f"after {half * 4096:,} timesteps", run.networks[half - 1]),
            (f"after {len(run.networks) * 4096:,} timesteps", run.weights),
        ]
    ]
    gif = screen.Gif(output, main.LANDER.frames_per_second)
    longest = max(len(frames) for _, frames, _, _ in flights)
    for number in range(longest):
        pictures = []
        for title, frames, returns, verdict in flights:
            at = min(number, len(frames) - 1)
            over = verdict if at == len(frames) - 1 else None
            pictures.append(overlay.caption(frames[at], title, returns[at], over))
        gif.show(np.concatenate(pictures, axis=1), "", times=HELD if number == longest - 1 else 1)
    gif.close()
    for title, _, _, verdict in flights:
        print(f"{title}: {verdict}")
    print(f"wrote {output}")


if __name__ == "__main__":
    console.run(story)
