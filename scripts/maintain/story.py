"""Draw docs/story.gif: one episode before training, halfway through and at the end: `make story`.

It trains half as long as the policy in docs/demo was trained, with the same seed.
"""

from starter import preflight

preflight.check()

from itertools import zip_longest
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps
from typer import Option

import main
from starter import PROJECT, console, trained
from starter.files import replacing

FRAME, HELD = 40, 4_000  # ms: a timestep, and the end
FONT = ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", 15)
DARK, GREEN, VERMILLION = "#181a20", "#009e73", "#d55e00"


class Pictures(list):
    """A view for main.watch: pictures of a flight, below a title and above its return so far."""

    render_mode = "rgb_array"

    def __init__(self, title):
        self.title = title

    def flights(self, episodes):
        yield SimpleNamespace(episode=1, rewards=[])

    def show(self, flight, render, q_values, action):
        self.add(render(), f"return {sum(flight.rewards):+.0f}", "white")

    def end(self, flight, render, verdict):
        self.add(render(), verdict, GREEN if verdict.startswith("landed") else VERMILLION)
        print(f"{self.title}: {verdict}")

    def add(self, frame, words, color):
        picture = ImageOps.expand(Image.fromarray(frame).reduce(2), (0, 28, 2, 28), DARK)
        write, middle = ImageDraw.Draw(picture).text, picture.width // 2
        write((middle, 14), self.title, "white", FONT, anchor="mm")
        write((middle, picture.height - 14), words, color, FONT, anchor="mm")
        self.append(np.asarray(picture))


def story(output: Path = Option(PROJECT / "docs" / "story.gif", help="Write this file.")):
    """Train halfway, and draw one episode flown before, then and by the policy in docs/demo."""
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
    rows = []
    for pictures in zip_longest(*flights):  # a flight that has ended keeps its last picture
        shown = [flight[-1] if new is None else new for flight, new in zip(flights, pictures)]
        rows.append(Image.fromarray(np.hstack(shown)))
    palette = rows[-1].quantize(31, method=Image.Quantize.FASTOCTREE)
    first, *others = [row.quantize(palette=palette, dither=Image.Dither.NONE) for row in rows]
    options = {"append_images": others, "duration": [FRAME] * len(others) + [HELD], "loop": 0}
    with replacing(output) as scratch:
        first.save(scratch, "GIF", save_all=True, **options)
    print(f"wrote {output}")


if __name__ == "__main__":
    console.run(story)
