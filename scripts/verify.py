"""Train with the README's seed, and compare every figure with the recorded ones: `make verify`.

It runs main.py as `make` does and compares, to the last digit, each iteration's statistics and
each evaluation's returns with those in tests/expected, and what is printed with README.md.
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
from typing import Dict

from typer import Option

from scripts.maintain.measuring import machine
from starter import PROJECT, Problem, console

README = PROJECT / "README.md"
EXPECTED = PROJECT / "tests" / "expected"
SHORT = 3  # iterations; before the first evaluation
IN_SHORT = re.compile(rf"iteration [1-{SHORT}],|evaluation random,")
SOLVED = "LunarLander-v2 is solved"
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
    return FOLDER.sub(r"runs/\1", run("main.py", "--seed", 0, "--output", output, *few))


def run(*words) -> str:
    """Return what Python prints when it runs these words, without a display, as in README.md."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    variables = {name: value for name, value in os.environ.items() if name not in hidden}
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, cwd=PROJECT, env=variables, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise Problem(f"{words[0]} failed: its message is above")
    return done.stdout


def figures(folder: Path) -> Dict[str, str]:
    """Return what is in a run's CSV files, but for wall-clock time, by name, in order."""
    found = {}
    with (folder / "statistics.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            row.pop("time_total_s")
            for name, value in row.items():
                found[f"iteration {row['training_iteration']}, {name}"] = value
    with (folder / "evaluations.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found[f"evaluation {row['iteration']}, episode {row['episode']}"] = row["return"]
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


def compare(expected: Dict[str, str], found: Dict[str, str], cpu: str = "x86_64") -> str:
    """Return in words that the figures are the same.

    The physics and the network round differently on other CPUs than x86-64. There only this must
    hold: how many timesteps an iteration has, and that the lander is solved, where that is said.

    Raises:
        Problem: if one differs; it names the first one.
    """
    result = f"reproduced on {machine()}: {len(expected):,} figures, each to the last digit"
    if cpu.lower() not in ("x86_64", "amd64"):
        result = f"figures are not comparable on {cpu}; what must hold on any machine holds"
        expected, found = (
            {
                "iteration 1, timesteps_total": figures["iteration 1, timesteps_total"],
                "the verdict": "solved" if SOLVED in figures.values() else "not solved",
            }
            for figures in (expected, found)
        )
    names = list({**expected, **found})
    differing = [name for name in names if expected.get(name) != found.get(name)]
    if not differing:
        return result
    first = differing[0]
    raise Problem(
        f"recorded figures differ; run `make expected` if that is meant. Of {len(names):,}, "
        f"{len(differing):,} differ on {machine()}. The first is {first}: "
        f"{expected.get(first, 'none')} recorded, {found.get(first, 'none')} here"
    )


def verify(
    short: bool = Option(False, "--short", help=f"Train for only {SHORT} iterations."),
):
    """Compare a run with the README's seed, figure by figure, with the recorded one."""
    readme = README.read_text("utf-8")
    with tempfile.TemporaryDirectory() as output:
        printed = train(Path(output), short)
        (folder,) = Path(output).glob("LunarLander*")
        expected, found = figures(EXPECTED), figures(folder)
    if short:
        expected, found = ({n: f[n] for n in f if IN_SHORT.match(n)} for f in (expected, found))
    else:
        expected.update(outputs(readme))
        found.update(outputs(refreshed(readme, printed)))
    print(compare(expected, found, platform.machine()))


if __name__ == "__main__":
    console.run(verify)
