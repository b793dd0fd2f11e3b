"""Record this machine's results as the expected ones, after an intended change: `make expected`.

It trains once with the README's seed, and replaces tests/expected, the outputs in README.md,
docs/demo, and the pictures that show this run.
"""

from starter import preflight

preflight.check()

import re
import shutil
import tempfile
from pathlib import Path

import main
from scripts import verify
from starter import PROJECT, console, trained
from starter.display.gif import Gif
from starter.display.view import View
from starter.environments.environment import load
from starter.storage import checkpoint, settings

DOCS, DEMO = PROJECT / "docs", PROJECT / "docs" / "demo"
EXAMPLE = re.compile(  # an example's command in README.md, and the output that is shown below it
    r"(^\.venv/bin/python ([^\n]+)\n```\n+```console\n).*?(?=^```)", re.M | re.S
)


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
    draw_flights()
    print("recorded; `make verify` names what else to change, line by line")


def draw_flights():
    """Draw docs/flight-1.gif to 3: from one start, before training, halfway and at the end.

    It trains half as long as the policy in docs/demo was trained, with the same seed.
    """
    pilot, lander, demo, _ = trained.load(DEMO)
    algorithm = main.build_algorithm(demo.manifest["seed"], lander)
    stages = [algorithm.get_policy().get_weights()]
    for _ in range(demo.manifest["iteration"] // 2):
        algorithm.train()
    stages += algorithm.average, demo.weights
    for number, weights in enumerate(stages, start=1):
        pilot.use(weights)
        gif = Gif(DOCS / f"flight-{number}.gif", lander.timesteps_per_second)
        main.watch(pilot, lander, 0, 1, View(gif, lander, pilot.policy.config, plain=True))
        gif.close()


if __name__ == "__main__":
    console.run(record)
