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

from starter import PROJECT, Problem, console

README = PROJECT / "README.md"
EXPECTED = PROJECT / "tests" / "expected"
COMPARABLE = ("x86_64", "amd64")  # CPUs that round alike; others do not
SHORT = 3  # iterations; before the first evaluation
IN_SHORT = re.compile(rf"iteration [1-{SHORT}],|evaluation random,")
SOLVED = "LunarLander-v2 is solved"
FOLDER = re.compile(r"\S*/(LunarLander-v2-seed0)")
DATE = re.compile(r"-\d{8}-\d{6}(-\d+)?/")
OUTPUT = re.compile(r"(?<=^```console\n\$ make\n).*?(?=^```)", re.M | re.S)  # in README.md


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
            del row["time_total_s"]
            found.update({f"iteration {row['training_iteration']}, {n}": row[n] for n in row})
    with (folder / "evaluations.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found[f"evaluation {row['iteration']}, episode {row['episode']}"] = row["return"]
    return found


def lines(output: str) -> Dict[str, str]:
    """Return the lines that main.py printed, without the date in the run's name, by name."""
    numbered = enumerate(DATE.sub("/", output).splitlines(), start=1)
    return {f"line {number} of the output": line for number, line in numbered}


def machine() -> str:
    """Return the name of the CPU and the version of the C library, as far as Linux has them."""
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
    except OSError:  # macOS
        found = None
    return " ".join([found[1] if found else platform.machine(), "with", *platform.libc_ver()])


def compare(expected: Dict[str, str], found: Dict[str, str], cpu: str = "x86_64") -> str:
    """Return in words that the figures are the same; or raise a `Problem` that names one.

    CPUs other than x86-64 round differently. There it compares only the number of timesteps in an
    iteration, and whether the output says that the lander is solved.
    """
    result = f"reproduced on {machine()}: {len(expected):,} figures, each to the last digit"
    if cpu.lower() not in COMPARABLE:
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
        f"{len(differing):,} of {len(names):,} figures differ from the recorded ones on "
        f"{machine()}; run `make expected` if that is meant. The first is {first}: "
        f"{expected.get(first, 'none')} recorded, {found.get(first, 'none')} here"
    )


def verify(
    short: bool = Option(False, "--short", help=f"Train for only {SHORT} iterations."),
):
    """Compare a run with the README's seed, figure by figure, with the recorded one."""
    with tempfile.TemporaryDirectory() as output:
        printed = train(Path(output), short)
        (folder,) = Path(output).glob("LunarLander*")
        expected, found = figures(EXPECTED), figures(folder)
    if short:
        expected, found = ({n: f[n] for n in f if IN_SHORT.match(n)} for f in (expected, found))
    else:
        expected.update(lines(OUTPUT.search(README.read_text("utf-8"))[0]))
        found.update(lines(printed))
    print(compare(expected, found, platform.machine()))


if __name__ == "__main__":
    console.run(verify)
