"""Draw docs/story.gif: one episode before training, halfway through and at the end: `make story`.

It trains half as long as the policy in docs/demo was trained, with the same seed.
"""

from starter import preflight

preflight.check()

from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import Iterator

import matplotlib
from PIL import Image, ImageDraw, ImageFont, ImageOps
from typer import Option

import main
from starter import PROJECT, console, trained
from starter.files import replacing

SEED = 1  # of the episode: the first one that the README's run shows
FRAME, HELD = 40, 4_000  # ms: a timestep, and the end
FONT = ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", 15)
DARK, LIGHT = (24, 26, 32), (228, 230, 236)
GREEN, VERMILLION = (0, 158, 115), (213, 94, 0)


def fly(pilot, environment, weights, title: str) -> Iterator[Image.Image]:
    """Fly the episode with these weights; yield a picture of each timestep and of the end."""
    with closing(environment.make("rgb_array")) as env:
        observation, _ = env.reset(seed=SEED)
        episode_return, ended = 0.0, False
        while not ended:
            yield caption(env.render(), title, f"return {episode_return:+.0f}", LIGHT)
            pilot.policy.set_weights(weights)  # three flights take turns with one policy
            observation, reward, terminated, truncated, _ = env.step(int(pilot([observation])[0]))
            episode_return += reward
            ended = terminated or truncated
        verdict = environment.verdict(observation, truncated, episode_return)
        print(f"{title}: {verdict}")
        color = GREEN if verdict.startswith("landed") else VERMILLION
        yield caption(env.render(), title, verdict, color)


def caption(frame, title: str, words: str, color) -> Image.Image:
    """Return the frame at half its size, below a title and above some words."""
    picture = ImageOps.expand(Image.fromarray(frame).reduce(2), (0, 28, 2, 28), DARK)
    write, middle = ImageDraw.Draw(picture).text, picture.width // 2
    write((middle, 14), title, LIGHT, FONT, anchor="mm")
    write((middle, picture.height - 14), words, color, FONT, anchor="mm")
    return picture


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
    flights = [
        fly(algorithm.greedy, demo.environment, weights, title)
        for title, weights in stages.items()
    ]
    rows, shown = [], [None] * len(flights)
    for new in zip_longest(*flights):
        shown = [now or before for now, before in zip(new, shown)]
        row = Image.new("RGB", (sum(picture.width for picture in shown), shown[0].height))
        for number, picture in enumerate(shown):
            row.paste(picture, (number * picture.width, 0))
        rows.append(row)
    palette = rows[-1].quantize(31, method=Image.Quantize.FASTOCTREE)
    first, *others = [row.quantize(palette=palette, dither=Image.Dither.NONE) for row in rows]
    with replacing(output) as scratch:
        durations = [FRAME] * len(others) + [HELD]
        first.save(scratch, "GIF", save_all=True, append_images=others, duration=durations, loop=0)
    print(f"wrote {output}")


if __name__ == "__main__":
    console.run(story)
