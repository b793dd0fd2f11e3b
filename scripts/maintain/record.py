"""Record this machine's results as the expected ones, after an intended change: `make expected`.

It trains once with the README's seed, and replaces tests/expected, the outputs in README.md,
docs/lander.gif, docs/curve.png and docs/demo.
"""

from starter import preflight

preflight.check()

import shutil
import tempfile
from pathlib import Path

import main
from scripts import verify
from starter import PROJECT, console
from starter.environments.environment import load
from starter.files import replacing
from starter.storage import checkpoint, settings

DOCS, DEMO = PROJECT / "docs", PROJECT / "docs" / "demo"


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
        checkpoint.save(
            DEMO, kept.manifest["iteration"], kept.weights, **lander.manifest, seed=seed
        )
        for source, folder in (
            ("statistics.csv", verify.EXPECTED),
            ("evaluations.csv", verify.EXPECTED),
            ("lander.gif", DOCS),
            ("curve.png", DOCS),
        ):
            with replacing(folder / source) as scratch:
                shutil.copyfile(run / source, scratch)
    readme = verify.refreshed(verify.README.read_text("utf-8"), printed)
    with replacing(verify.README) as scratch:
        scratch.write_text(readme, "utf-8")
    print("recorded: tests/expected, docs/demo and pictures, and the outputs in README.md")
    print("now `make verify` names what else in README.md to change by hand")


if __name__ == "__main__":
    console.run(record)
