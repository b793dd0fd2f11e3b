"""Train with the README's seed, and compare every figure with the recorded ones: `make verify`.

It runs main.py as `make` does and compares, to the last digit, each iteration's statistics and
each evaluation's returns with those in tests/expected, and what is printed with README.md. It
also names the lines that README.md and the experiments quote and that are no longer in the code.
"""

from starter import preflight

preflight.check()

import csv
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, Iterator

from typer import Option

from scripts.maintain import experiments
from scripts.maintain.measuring import machine
from starter import PROJECT, Problem, console

README = PROJECT / "README.md"
EXPECTED = PROJECT / "tests" / "expected"
SHORT = "3"  # iterations; before the first evaluation
IN_SHORT = re.compile(rf"iteration [1-{SHORT}],|evaluation random,")
FOLDER = re.compile(r"\S*/(LunarLander-v2-seed0)")
DATE = re.compile(r"-\d{8}-\d{6}(-\d+)?/")
# In README.md: `make` or an example's command, and the output that is shown below it.
OUTPUT = re.compile(
    r"(^(?:```console\n\$ make|\.venv/bin/python ([^\n]+)\n```\n+```console)\n)(.*?)(?=^```)",
    re.M | re.S,
)


def train(output: Path, short: bool = False) -> str:
    """Run main.py with the README's seed; return what it printed."""
    few = ["--iterations", SHORT, "--render", "none"] if short else []
    return FOLDER.sub(r"runs/\1", run("main.py", "--seed", "0", "--output", str(output), *few))


def run(*words: str) -> str:
    """Return what Python prints when it runs these words, without a display, as in README.md."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    variables = {name: value for name, value in os.environ.items() if name not in hidden}
    command = [sys.executable, *words]
    done = subprocess.run(command, cwd=PROJECT, env=variables, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise Problem(f"{words[0]} failed: its message is above")
    return done.stdout


def figures(folder: Path) -> Dict[str, str]:
    """Return what a run's CSV files have measured, but for wall-clock time, by name, in order."""
    found = {}
    with (folder / "statistics.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            row.pop("time_total_s")
            for name, value in row.items():
                found[f"iteration {row['training_iteration']}, {name}"] = value
    with (folder / "evaluations.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            name = f"evaluation {row['iteration']}, return of episode {row['episode']}"
            found[name] = row["return"]
    return found


def refreshed(readme: str, printed: str) -> str:
    """Return the text of README.md with new outputs: what main.py printed, and the examples'."""
    return OUTPUT.sub(lambda m: m[1] + (run(*m[2].split()) if m[2] else printed), readme)


def outputs(readme: str) -> Dict[str, str]:
    """Return each line of the outputs in the text of README.md, by name."""
    return {
        f"line {number} of the output of {command or 'make'}": DATE.sub("/", line)
        for _, command, output in OUTPUT.findall(readme)
        for number, line in enumerate(output.splitlines(), start=1)
    }


def compare(expected: Dict[str, str], found: Dict[str, str]) -> str:
    """Return that all figures are equal.

    Raises:
        Problem: if any differs; it names the first one.
    """
    names = {**expected, **found}
    differing = [name for name in names if expected.get(name) != found.get(name)]
    if not differing:
        return f"reproduced on {machine()}: {len(names):,} figures, each to the last digit"
    first = differing[0]
    raise Problem(
        f"recorded figures differ; run `make expected` if that is meant. Of {len(names):,}, "
        f"{len(differing):,} differ on {machine()}. The first is {first}: "
        f"{expected.get(first, 'none')} recorded, {found.get(first, 'none')} here"
    )


def compare_elsewhere(expected: Dict[str, str], found: Dict[str, str], printed: str) -> str:
    """Check what holds on any machine: how much is played, and that the lander is solved.

    Other CPUs than x86-64 round differently, in the physics too, so the figures differ.

    Raises:
        Problem: if it does not hold.
    """
    name = "iteration 1, timesteps_total"
    if found[name] != expected[name]:
        raise Problem(f"{name} is {found[name]}, and {expected[name]} on any machine")
    if "not solved" in printed:
        raise Problem("the lander is not solved, and it is on any machine")
    return f"figures are not comparable on {machine()}, only on x86-64; what holds anywhere holds"


def outdated(readme: str) -> Iterator[str]:
    """Yield the lines of code that README.md or an experiment quotes and that are not there."""
    files = "main.py", "examples/q_table.py"
    code = "".join((PROJECT / name).read_text("utf-8") for name in files)
    excerpts = re.findall(r"^```python\n( .*?)^```", readme, re.M | re.S)
    quoted = [line for excerpt in excerpts for line in excerpt.splitlines() if line != "..."]
    quoted += re.findall(r"(?<!→ )`([^`\n]+,)`", readme)  # in tables; after an arrow, new ones
    for line in quoted:
        if line not in code:
            yield f"README.md quotes a line that is not in the code: {line.strip()}"
    for name, change in experiments.CHANGES.items():
        if change.old not in (PROJECT / change.file).read_text("utf-8"):
            yield f"experiment {name} changes a line that {change.file} has not: {change.old}"


def verify(
    short: bool = Option(False, "--short", help=f"Train for only {SHORT} iterations."),
):
    """Compare a run with the README's seed, figure by figure, with the recorded one."""
    readme = README.read_text("utf-8")
    for note in outdated(readme):
        print(f"note: {note}")
    expected = figures(EXPECTED)
    with tempfile.TemporaryDirectory() as output:
        printed = train(Path(output), short)
        (folder,) = Path(output).glob("LunarLander*")
        found = figures(folder)
    if platform.machine() not in ("x86_64", "AMD64"):
        print(compare_elsewhere(expected, found, "" if short else printed))
        return
    if short:
        both = [{n: f[n] for n in f if IN_SHORT.match(n)} for f in (expected, found)]
    else:
        both = {**expected, **outputs(readme)}, {**found, **outputs(refreshed(readme, printed))}
    print(compare(*both))


if __name__ == "__main__":
    console.run(verify)
