"""Draw docs/story.gif: `make story`, and as a part of `make expected`."""

from starter import preflight

preflight.check()

from itertools import zip_longest
from pathlib import Path

import numpy as np
import pygame
from typer import Option

import main
from starter import PROJECT, console, trained
from starter.display.gif import Gif
from starter.display.panel import BACKGROUND, MEDIUM, TEXT, VERDICTS, Flight, surface, write

WIDTH, HEIGHT, MARGIN = 300, 200, 28  # pixels of a picture, and for the words above and below it


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


def draw(output: Path = Option(PROJECT / "docs" / "story.gif", help="Write this file.")):
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


if __name__ == "__main__":
    console.run(draw)
