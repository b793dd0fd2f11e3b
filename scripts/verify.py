"""Train with the README's seed and compare every figure with tests/expected: `make verify`.

First it finds out whether this machine calculates as the one that recorded the figures did
(scripts/arithmetic.py). Then it runs main.py as `make` does, in its own process, and compares
to the last digit the statistics of each iteration, the returns of each evaluation's episodes,
the weights' SHA-256 and what is printed. `--short` trains only a few iterations. `--write`
(`make expected`) takes this machine's run as the one that is expected, and puts it, its
pictures and its policy into README.md and docs/.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, Sequence

from starter import PROJECT, preflight

preflight.check()

import typer

import main
from scripts import arithmetic
from starter import Problem, console
from starter.files import replacing
from starter.storage import checkpoint

EXPECTED = PROJECT / "tests" / "expected"
SEED = 0
SHORT = 3  # iterations
WALL_CLOCK = "time_total_s"
VERDICT = re.compile(r".* is (?:solved|not solved yet)$")
FOLDER_DATE = re.compile(r"-\d{8}-\d{6}(-\d+)?/")


def fly(short, output):
    """Run main.py; return its run's folder and what it printed."""
    flags = ["--seed", str(SEED), "--output", str(output)]
    flags += ["--iterations", str(SHORT), "--render", "none"] if short else []
    # As `make` does where there is no display; what is set does not matter to the figures.
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    done = subprocess.run(
        [sys.executable, str(PROJECT / "main.py"), *flags],
        cwd=str(PROJECT),
        env={name: value for name, value in os.environ.items() if name not in hidden},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    if done.returncode:
        raise Problem("main.py failed: its message is above")
    (folder,) = output.glob("LunarLander*")
    return folder, done.stdout.replace(str(folder), f"runs/{folder.name}")


def figures(folder, printed):
    """Everything that a run measured but wall-clock time, as `{name: text}`, in order."""
    found = {}
    with (folder / "statistics.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            row.pop(WALL_CLOCK)
            for name, value in row.items():
                found[f"iteration {row['training_iteration']}, {name}"] = value
    with (folder / "evaluations.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            name = f"evaluation {row['iteration']}, return of episode {row['episode']}"
            found[name] = row["return"]
    for number, line in enumerate(printed.splitlines(), start=1):
        name = "verdict" if VERDICT.match(line) else f"line {number} of what is printed"
        found[name] = FOLDER_DATE.sub("/", line)
    return found


def compare(expected: Dict[str, str], found: Dict[str, str], parts: Sequence[str] = ()) -> str:
    """Compare two runs' figures; `parts` are those of the arithmetic that differ here.

    Returns:
        The verdict: `reproduced`, or `NOT reproduced here` and why.

    Raises:
        Problem: if figures differ that must not.
    """
    names = {**expected, **found}
    differing = [name for name in names if expected.get(name) != found.get(name)]
    if not differing:
        return f"reproduced: {len(expected):,} figures, each to the last digit"
    first = differing[0]
    report = (
        f"{len(differing):,} of {len(names):,} figures differ. The first is "
        f"{first}: {expected.get(first, 'none')} expected, {found.get(first, 'none')} here"
        f"{distance(expected.get(first), found.get(first))}"
    )
    if not parts:
        raise Problem(
            f"{report}. This machine's arithmetic is as expected, so the project or its pins have "
            "changed: see `git status` and `git log`, and run `make expected` if it is meant"
        )
    report = (
        f"NOT reproduced here: this machine's arithmetic differs ({', '.join(parts)}), because of "
        f"another CPU, C library or package. {report}"
    )
    # These do not depend on the network's arithmetic.
    same = ["iteration 1, timesteps_total", "verdict"]
    if not {"numpy", "physics"} & set(parts):
        same += [name for name in expected if name.startswith("evaluation random")]
    for name in same:
        if expected[name] != found.get(name):
            raise Problem(
                f"{report}. On any machine the {name} must be {expected[name]}; "
                f"here it is {found.get(name, 'none')}"
            )
    return f"{report}. The {len(same)} figures that must be the same on any machine are the same"


def distance(one, other):
    try:
        return f" ({abs(float(one) - float(other)):.3g} apart)"
    except (TypeError, ValueError):
        return ""


def write_readme(printed):
    """Put what a run printed into the README, most iterations left out."""
    lines = printed.splitlines()
    numbers = [int(n) for line in lines for n in re.findall(r"^ *(\d+)  ", line)]
    shown = {1, 2, 3, *numbers[-3:], *range(10, numbers[-1], 10)}
    kept, keep = [], True
    for line in lines:
        iteration = re.match(r" *(\d+)  ", line)
        if iteration or not line.startswith("greedy"):
            keep = not iteration or int(iteration[1]) in shown
        if keep:
            kept.append(line)
        elif kept[-1] != "...":
            kept.append("...")
    readme = PROJECT / "README.md"
    block = "\n".join(["```console", "$ make", *kept, "```"])
    text = re.sub(
        r"```console\n\$ make\n.*?```",
        lambda _: block,
        readme.read_text("utf-8"),
        count=1,
        flags=re.S,
    )
    with replacing(readme) as scratch:
        scratch.write_text(text, "utf-8")


def verify(
    short: bool = typer.Option(False, "--short", help=f"Train {SHORT} iterations only."),
    write: bool = typer.Option(False, "--write", help="Expect this run's figures from now on."),
):
    """Compare a run with the README's seed, figure by figure, with the one that is expected."""
    path = EXPECTED / ("short.json" if short else "full.json")
    digests = arithmetic.digests()
    with tempfile.TemporaryDirectory() as scratch:
        folder, printed = fly(short, Path(scratch).resolve())
        found = figures(folder, printed)
        if write:
            with replacing(path) as temporary:
                recorded = dict(arithmetic=digests, printed=printed.splitlines(), figures=found)
                temporary.write_text(json.dumps(recorded, indent=0) + "\n", "utf-8")
            if not short:
                write_readme(printed)
                for picture in ("lander.gif", "curve.png"):
                    with replacing(PROJECT / "docs" / picture) as temporary:
                        shutil.copyfile(folder / picture, temporary)
                trained = checkpoint.newest(folder)
                iteration = trained.manifest["iteration"]
                about = {**main.LANDER.about, "seed": SEED}
                (PROJECT / "docs" / "demo").mkdir(exist_ok=True)
                checkpoint.save(PROJECT / "docs" / "demo", iteration, trained.weights, **about)
                shutil.copyfile(
                    folder / "settings.json", PROJECT / "docs" / "demo" / "settings.json"
                )
            print(f"wrote {path.relative_to(PROJECT)}")
            return
    expected = json.loads(path.read_text("utf-8"))
    print(
        compare(expected["figures"], found, arithmetic.differing(expected["arithmetic"], digests))
    )


if __name__ == "__main__":
    console.run(verify)
