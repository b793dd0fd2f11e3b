"""Draw docs/story.gif and docs/corridor.png for `make expected`; `make story` draws the first."""

from starter import preflight

preflight.check()

from itertools import zip_longest
from pathlib import Path

import numpy as np
import pygame
from matplotlib import colormaps
from matplotlib.figure import Figure
from typer import Option

import main
from examples import q_table
from starter import PROJECT, console, trained
from starter.display.gif import Gif
from starter.display.panel import BACKGROUND, MEDIUM, TEXT, VERDICTS, Flight, surface, write

WIDTH, HEIGHT, MARGIN = 300, 200, 28  # pixels of a picture, and for the words above and below it
EPISODES = (1, 2, 3, 20)  # of q_table.py, after which its table is shown


class Pictures(list):
    """A view for main.watch: pictures of a flight, below a title and above its return so far."""

    render_mode = "rgb_array"

    def __init__(self, title):
        self.title = title

    def flights(self, episodes):
        yield Flight()

    def show(self, flight, render, q_values, action):
        self.add(render(), f"return {sum(flight.rewards):+.0f}", TEXT)

    def end(self, flight, render, verdict):
        self.add(render(), verdict, VERDICTS[verdict.split()[0]])
        print(f"{self.title}: {verdict}")

    def add(self, frame, words, color):
        picture = pygame.Surface((WIDTH + 2, HEIGHT + 2 * MARGIN))
        picture.fill(BACKGROUND)
        picture.blit(pygame.transform.smoothscale(surface(frame), (WIDTH, HEIGHT)), (0, MARGIN))
        for text, shade, top in ((self.title, TEXT, 0), (words, color, HEIGHT + MARGIN)):
            write(picture, text, MEDIUM, shade, centerx=WIDTH // 2, centery=top + MARGIN // 2)
        self.append(pygame.surfarray.array3d(picture).swapaxes(0, 1))


def story(output: Path = Option(PROJECT / "docs" / "story.gif", help="Write this file.")):
    """Draw one episode before training, halfway and at the end.

    It trains half as long as the policy in docs/demo was trained, with the same seed.
    """
    pilot, lander, demo, _ = trained.load(PROJECT / "docs" / "demo")
    end = demo.manifest["iteration"]
    algorithm = main.build_algorithm(demo.manifest["seed"], lander)
    stages = {"before training": algorithm.get_policy().get_weights()}
    for _ in range(end // 2):
        algorithm.train()
    stages[f"after {end // 2} iterations"] = algorithm.average
    stages[f"after {end} iterations"] = demo.weights
    flights = []
    for title, weights in stages.items():
        pilot.policy.set_weights(weights)
        flights.append(Pictures(title))
        main.watch(pilot, lander, 0, 1, flights[-1])
    gif = Gif(output, lander.timesteps_per_second)
    for pictures in zip_longest(*flights):  # a flight that has ended keeps its last picture
        shown = [flight[-1] if new is None else new for flight, new in zip(flights, pictures)]
        gif.show(np.hstack(shown), surface)
    gif.show(np.hstack(shown), surface, seconds=4)
    gif.close()


def corridor(output: Path):
    """Draw the Q-value of walking right in each cell, after some episodes, as a PNG."""
    Q, random = np.zeros((q_table.GOAL + 1, len(q_table.ACTIONS))), np.random.default_rng(seed=0)
    words, values = [], []
    for episode in range(1, EPISODES[-1] + 1):
        q_table.learn(Q, random)
        if episode in EPISODES:
            words.append([*(f"{value:.2f} →" for value in Q[:-1, 1]), "goal"])
            values.append(Q[:, 1].copy())
    figure = Figure(figsize=(8, 2.2), dpi=110)
    axes = figure.add_axes((0.18, 0.02, 0.81, 0.96), frame_on=False, xticks=[], yticks=[])
    axes.table(
        words,
        colormaps["Blues"](np.array(values) / 2),  # pale enough for black text
        cellLoc="center",
        rowLabels=[f"after episode {episode}" for episode in EPISODES],
        colLabels=[f"cell {cell}" for cell in range(q_table.GOAL + 1)],
        bbox=(0, 0, 1, 1),
    )
    figure.savefig(output)


if __name__ == "__main__":
    console.run(story)
