"""Draw how the policy learns, docs/story.gif: `make story`.

It trains with the README's seed, as `make` does, and lets the policy fly one and the same
episode three times, side by side: before training, halfway and at the end.
"""

from pathlib import Path

from starter import PROJECT, preflight

preflight.check()

from contextlib import closing
from itertools import zip_longest

import numpy as np
import typer
from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont, ImageOps

import main
from starter import console
from starter.display.gif import Gif
from starter.display.panel import BACKGROUND, TEXT, VERDICTS, surface
from starter.storage.run import Run

SEED = 0
EPISODE = 1  # of the three that the README's run shows
HELD = 4  # seconds at the end, for reading
FONT = ImageFont.truetype(findfont("DejaVu Sans"), 15)


class Weights(Run):
    """Keeps the network of every iteration, in memory."""

    def __init__(self):
        super().__init__(None, main.LANDER)
        self.networks = []

    def record(self, algorithm, result, last=False):
        super().record(algorithm, result, last)
        self.networks.append(algorithm.get_policy().get_weights())


def fly(policy, weights, title):
    """Fly the episode; yield a picture of every timestep, and how it ended or None."""
    with closing(main.LANDER.make("rgb_array")) as env:
        observation, _ = env.reset(seed=SEED + EPISODE)
        rewards, over = [], False
        while not over:
            yield caption(env.render(), title, f"return {sum(rewards):+.0f}"), None
            policy.set_weights(weights)  # three flights take turns with one policy
            action, _, _ = policy.compute_single_action(observation, explore=False)
            observation, reward, terminated, truncated, _ = env.step(action)
            rewards.append(reward)
            over = terminated or truncated
        verdict = main.LANDER.verdict(observation, truncated, sum(rewards))
        yield caption(env.render(), title, verdict), verdict


def caption(frame, title, words):
    """The frame at half its size, between a title and words below: its return or verdict."""
    picture = ImageOps.expand(Image.fromarray(frame).reduce(2), (0, 28, 2, 28), BACKGROUND)
    width, height = picture.size
    write, color = ImageDraw.Draw(picture).text, VERDICTS.get(words.split()[0], TEXT)
    write((width // 2, 14), title, TEXT, FONT, anchor="mm")
    write((width // 2, height - 14), words, color, FONT, anchor="mm")
    return np.asarray(picture)


def story(
    iterations: int = typer.Option(main.ITERATIONS, min=2, help="Iterations to train at most."),
    output: Path = typer.Option(PROJECT / "docs" / "story.gif", help="The picture."),
):
    """Train, and draw one episode flown before, halfway through and after it."""
    algorithm = main.build_algorithm(SEED)
    policy = algorithm.get_policy()
    untrained = policy.get_weights()
    run = Weights()
    main.train(algorithm, iterations, run)
    half = (len(run.networks) + 1) // 2
    timesteps = [row["timesteps_total"] for row in run.rows]
    stages = {
        "before training": untrained,
        f"after {timesteps[half - 1]:,} timesteps": run.networks[half - 1],
        f"after {timesteps[run.best - 1]:,} timesteps": run.weights,
    }
    gif = Gif(output, main.LANDER.timesteps_per_second)
    flights = [fly(policy, weights, title) for title, weights in stages.items()]
    shown = [None] * len(flights)
    for new in zip_longest(*flights):
        shown = [now or before for now, before in zip(new, shown)]
        gif.show(np.hstack([picture for picture, _ in shown]), surface)
    gif.show(np.hstack([picture for picture, _ in shown]), surface, seconds=HELD)
    for title, (_, verdict) in zip(stages, shown):
        print(f"{title}: {verdict}")
    gif.close()


if __name__ == "__main__":
    console.run(story)
