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
DARK, LIGHT = (24, 26, 32), (228, 230, 236)
GREEN, VERMILLION = (0, 158, 115), (213, 94, 0)


class Pictures(list):
    """A view for main.watch: pictures of a flight, below a title and above its return so far."""

    render_mode = "rgb_array"

    def __init__(self, title: str):
        self.title = title

    def flights(self, episodes):
        yield SimpleNamespace(episode=1, rewards=[])

    def show(self, flight, render, q_values, action):
        self.add(render(), f"return {sum(flight.rewards):+.0f}", LIGHT)

    def end(self, flight, render, verdict):
        self.add(render(), verdict, GREEN if verdict.startswith("landed") else VERMILLION)
        print(f"{self.title}: {verdict}")

    def add(self, frame, words, color):
        picture = ImageOps.expand(Image.fromarray(frame).reduce(2), (0, 28, 2, 28), DARK)
        write, middle = ImageDraw.Draw(picture).text, picture.width // 2
        write((middle, 14), self.title, LIGHT, FONT, anchor="mm")
        write((middle, picture.height - 14), words, color, FONT, anchor="mm")
        self.append(np.asarray(picture))


def story(output: Path = Option(PROJECT / "docs" / "story.gif", help="The file to write.")):
    """Train halfway, and draw one episode flown before, then and by the policy in docs/demo."""
    demo = trained.load(PROJECT / "docs" / "demo")
    end = demo.found.manifest["iteration"]
    algorithm = main.build_algorithm(demo.found.manifest["seed"], demo.environment)
    stages = {"before training": algorithm.get_policy().get_weights()}
    for _ in range(end // 2):
        algorithm.train()
    stages[f"after {end // 2} iterations"] = algorithm.average
    stages[f"after {end} iterations"] = demo.found.weights
    flights = [Pictures(title) for title in stages]
    for pictures, weights in zip(flights, stages.values()):
        demo.pilot.policy.set_weights(weights)
        main.watch(demo.pilot, demo.environment, 0, 1, pictures)
    rows, shown = [], [None] * len(flights)
    for pictures in zip_longest(*flights):
        shown = [last if new is None else new for new, last in zip(pictures, shown)]
        rows.append(Image.fromarray(np.hstack(shown)))
    palette = rows[-1].quantize(31, method=Image.Quantize.FASTOCTREE)
    first, *others = [row.quantize(palette=palette, dither=Image.Dither.NONE) for row in rows]
    options = {"append_images": others, "duration": [FRAME] * len(others) + [HELD], "loop": 0}
    with replacing(output) as scratch:
        first.save(scratch, "GIF", save_all=True, **options)
    print(f"wrote {output}")


if __name__ == "__main__":
    console.run(story)
