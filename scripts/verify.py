"""Train with the README's seed and hold every figure against tests/expected: `make verify`.

It runs main.py as `make` does, in a process of its own, and compares, to the last digit, the
statistics of each iteration, the returns of each evaluation's episodes, the weights' SHA-256
and what is printed. `--short` trains only a few iterations. `--write` (`make expected`) takes
this machine's run as the one that is expected, and puts it, its pictures and its policy into
README.md and docs/.
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

PROJECT = Path(__file__).resolve().parent.parent

from starter import preflight

preflight.check()

import typer

import main
from starter import Problem, console
from starter.storage import checkpoint
from starter.storage.files import replacing

EXPECTED = PROJECT / "tests" / "expected"
SEED = 0
SHORT = 3  # iterations
WALL_CLOCK = "time_total_s"
VERDICT = re.compile(r".* is (?:solved|not solved yet)$")
FOLDER_DATE = re.compile(r"-\d{8}-\d{6}(-\d+)?/")


def fly(short, output):
    """Run main.py; gives its run's folder and what it printed."""
    flags = ["--seed", str(SEED), "--output", str(output)]
    flags += ["--iterations", str(SHORT)] if short else []
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


def cpu():
    """This machine's kind of CPU, as Linux names it."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    fields = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    family, model = fields.get("cpu family"), fields.get("model")
    return f"{fields.get('model name', 'unknown')}, family {family}, model {model}"


def compare(expected, found, expected_cpu):
    """What to say of the two: `reproduced`, or where they part and why.

    Raises:
        Problem: if they differ where they must not.
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
    if cpu() == expected_cpu:
        raise Problem(
            f"{report}. The usual cause is a change in main.py, starter/ or requirements.txt: "
            "see `git status` and `git log`, and run `make expected` if it is meant"
        )
    # What no network decides, and what a trained one must be good enough for.
    held = [name for name in expected if name.startswith("evaluation random")]
    held += ["iteration 1, timesteps_total", "verdict"]
    broken = [name for name in held if expected[name] != found.get(name)]
    if broken:
        raise Problem(
            f"{report}. This is another CPU, but on any the {broken[0]} is {expected[broken[0]]}; "
            f"here it is {found.get(broken[0], 'none')}"
        )
    return (
        f"{report}. Digits differ on another CPU: this is {cpu()}, they are from {expected_cpu}. "
        "What must hold all the same does: the pins, the random policy's "
        f"{len(held) - 2} returns, the first iteration's timesteps and the verdict"
    )


def distance(one, other):
    try:
        return f" ({abs(float(one) - float(other)):.3g} apart)"
    except (TypeError, ValueError):
        return ""


def write_readme(printed):
    """Put what a run printed into the README, some iterations of it left out."""
    lines, kept = printed.splitlines(), []
    for number, line in enumerate(lines):
        iteration = re.match(r" *(\d+)  ", line)
        evaluated = "".join(lines[number + 1 : number + 2]).startswith("greedy")
        if not iteration or evaluated or int(iteration[1]) <= 3 or int(iteration[1]) % 5 == 0:
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
    with tempfile.TemporaryDirectory() as scratch:
        folder, printed = fly(short, Path(scratch).resolve())
        found = figures(folder, printed)
        if write:
            with replacing(path) as temporary:
                content = {"cpu": cpu(), "printed": printed.splitlines(), "figures": found}
                temporary.write_text(json.dumps(content, indent=0) + "\n", "utf-8")
            if not short:
                write_readme(printed)
                for picture in ("lander.gif", "curve.png"):
                    with replacing(PROJECT / "docs" / picture) as temporary:
                        shutil.copyfile(folder / picture, temporary)
                trained = checkpoint.newest(folder)
                iteration = trained.manifest["iteration"]
                about = {"environment": main.LANDER.id, "arguments": {}, "seed": SEED}
                (PROJECT / "docs" / "demo").mkdir(exist_ok=True)
                checkpoint.save(PROJECT / "docs" / "demo", iteration, trained.weights, **about)
                shutil.copyfile(
                    folder / "settings.json", PROJECT / "docs" / "demo" / "settings.json"
                )
            print(f"wrote {path.relative_to(PROJECT)}")
            return
    expected = json.loads(path.read_text("utf-8"))
    print(compare(expected["figures"], found, expected["cpu"]))


if __name__ == "__main__":
    console.run(verify)
