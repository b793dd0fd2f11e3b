"""Record this machine's results as the expected ones, after an intended change: `make expected`.

It trains once with the README's seed, and replaces tests/expected, the outputs in README.md,
docs/demo, and the pictures that show this run.
"""

from starter import preflight

preflight.check()

import re
import shutil
import tempfile
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pygame

import main
from scripts import verify
from starter import PROJECT, console, trained
from starter.display.gif import Gif
from starter.display.panel import BACKGROUND, MEDIUM, TEXT, VERDICTS, Flight, surface, write
from starter.environments.environment import load
from starter.storage import checkpoint, settings

DOCS, DEMO = PROJECT / "docs", PROJECT / "docs" / "demo"
EXAMPLE = re.compile(  # an example's command in README.md, and the output that is shown below it
    r"(^\.venv/bin/python ([^\n]+)\n```\n+```console\n).*?(?=^```)", re.M | re.S
)
WIDTH, HEIGHT, MARGIN = 300, 200, 28  # pixels of a picture, and for the words above and below it


def refreshed(readme: str, printed: str) -> str:
    """Return the text of README.md with new outputs: what main.py printed, and the examples'."""
    readme = verify.OUTPUT.sub(lambda _: printed, readme)
    return EXAMPLE.sub(lambda found: found[1] + verify.run(*found[2].split()), readme)


def record():
    """Train with the README's seed, and replace every recorded result."""
    lander, seed = load("LunarLander-v2"), 0
    # A run is named after what differs from these settings, so they come first.
    (DEMO / settings.FILE).unlink(missing_ok=True)
    settings.write(DEMO, main.configure(seed, lander), **lander.manifest, seed=seed)
    with tempfile.TemporaryDirectory() as output:
        printed = verify.train(Path(output))
        (run,) = Path(output).glob("LunarLander*")
        kept = checkpoint.newest(run)
        iteration = kept.manifest["iteration"]
        checkpoint.save(DEMO, iteration, kept.weights, **lander.manifest, seed=seed)
        for table in ("statistics.csv", "evaluations.csv"):
            shutil.copy(run / table, verify.EXPECTED)
        for picture in ("lander.gif", "curve.png"):
            shutil.copy(run / picture, DOCS)
    readme = refreshed(verify.README.read_text("utf-8"), printed)
    verify.README.write_text(readme, "utf-8")
    draw_story()
    print("recorded; `make verify` names what else to change, line by line")


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


def draw_story():
    """Draw docs/story.gif: one episode before training, halfway and at the end.

    It trains half as long as the policy in docs/demo was trained, with the same seed.
    """
    pilot, lander, demo, _ = trained.load(DEMO)
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
    gif = Gif(DOCS / "story.gif", lander.timesteps_per_second)
    for pictures in zip_longest(*flights):  # a flight that has ended keeps its last picture
        shown = [flight[-1] if new is None else new for flight, new in zip(flights, pictures)]
        gif.show(np.hstack(shown), surface)
    gif.show(np.hstack(shown), surface, seconds=4)
    gif.close()


if __name__ == "__main__":
    console.run(record)
