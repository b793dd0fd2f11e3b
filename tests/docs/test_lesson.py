"""What the pages quote and record, which an edit of main.py may change: `make verify` runs this.

It is not about faults. Where the recorded results are meant to change, `make expected` and
`make experiments` write the outputs and docs/; a failure here names the line to change by hand.
"""

import platform
import re

import numpy as np
import pytest
from helpers import PROJECT, run_main

from scripts import verify
from starter import preflight

pytestmark = pytest.mark.lesson

README, REFERENCE, SECURITY, EXPERIMENTS, BENCHMARK, ENVIRONMENTS = (
    (PROJECT / name).read_text("utf-8")
    for name in (
        *("README.md", "docs/reference.md", ".github/SECURITY.md"),
        *("docs/experiments.md", "docs/benchmark.md", "docs/environments.md"),
    )
)
TRAINED = "timesteps trained, if solved"
comparable = pytest.mark.skipif(
    platform.machine().lower() not in verify.COMPARABLE, reason="this CPU rounds differently"
)


def table(text, first):
    """The rows of the table whose first column has that heading: `{heading: cell}` each."""
    rows = re.search(rf"^\| *{first} *\|.*\n(?:\|.*\n)*", text, re.M)[0].splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return [dict(zip(cells[0], row)) for row in cells[2:]]


def test_every_excerpt_is_in_its_file():
    sources = [(PROJECT / name).read_text("utf-8") for name in ("main.py", "examples/q_table.py")]
    excerpts = re.findall(r"^```python\n( .*?)^```", README, re.M | re.S)
    assert excerpts
    for excerpt in excerpts:
        pieces = excerpt.split("...\n")
        places = [[source.find(piece) for piece in pieces] for source in sources]
        assert any(-1 not in at and at == sorted(at) for at in places), excerpt


def test_each_ingredients_line_is_in_main_py():
    source = (PROJECT / "main.py").read_text("utf-8")
    lines = [row["the line"].strip("`") for row in table(README, "ingredient")]
    assert len(lines) > 5
    assert [line for line in lines if source.count(line) != 1] == []


@pytest.mark.parametrize(
    "script", ["examples/q_table.py", pytest.param("examples/one_update.py", marks=comparable)]
)
def test_the_examples_print_what_the_readme_shows(script):
    shown = re.search(rf"/python {script}\n```\n+```console\n(.*?)```", README, re.S)[1]
    done = run_main(script=script)
    assert done.stdout == shown, done.stderr


@comparable
def test_the_readmes_environment_prints_what_it_shows(tmp_path):
    blocks = re.findall(r"^```\w+\n(.*?)^```", README.split("\n## 10 ")[1], re.M | re.S)
    (tmp_path / "part10.py").write_text(blocks[0], "utf-8")  # the clone may have a thermostat.py
    env = f"{tmp_path}/part10.py:Thermostat-v0"
    done = run_main("--env", env, "--render=none", "--output", tmp_path, script="scripts/train.py")
    assert blocks[2].replace("thermostat:", "part10:") in done.stdout, done.stderr


def test_the_experiments_are_as_they_were_measured():
    measured = {row["change"]: row for row in table(EXPERIMENTS, "change")}
    for row in table(README, "change"):
        (found,) = [cells for name, cells in measured.items() if row["change"].startswith(name)]
        for heading in list(row)[1:3]:
            assert row[heading] == found[heading], f"README.md, part 8: {row['change']}"


def test_the_figures_in_the_prose():
    """Each figure that the prose repeats, by the words around it, and what it must be now."""
    output = re.search(r"^\$ make\n(.*?)```", README, re.M | re.S)[1]
    iterations = re.findall(r"^ +(\d+) .* (-?[\d.]+) +[\d.]+$", output, re.M)
    evaluations = re.findall(r"^greedy policy: .* (\d+) of (\d+) at", output, re.M)
    runs = [int(row[TRAINED].replace(",", "")) for row in table(BENCHMARK, "seed")]
    whole = next(row for row in table(BENCHMARK, "code") if row["seeds solved"])
    assert whole["seeds solved"] == f"{len(runs)} of {len(runs)}"
    for words, figure in {
        r"training mean is only (\S+) although": f"{float(iterations[-1][1]):.0f}",
        r"weights after iteration (\d+) \|": iterations[-1][0],
        r"blue line, ends at (\S+),": f"{float(iterations[-1][1]):.0f}",
        r"After iteration (\d+), all": iterations[-1][0],
        r"After iteration \d+, all (\d+) flights": evaluations[-1][1],
        r"the median was (\S+) timesteps": f"{np.median(runs):,.0f}",
        r"the slowest (?:run|of \d+ seeds) took ([\d,]*\d)": f"{max(runs):,}",
        r"fresh flights, (\S+) reached": whole["flights at 200 or more"].replace(" ", ""),
    }.items():
        places = [*re.finditer(words, README)]
        assert places, f"README.md no longer has a figure in the words {words}"
        for found in places:
            line = README.count("\n", 0, found.start()) + 1
            assert found[1] == figure, f"README.md, line {line}: {found[0]}"


def test_the_environments_that_are_not_solved():
    rows = [row for row in table(ENVIRONMENTS, "environment") if row["solved at"] != "-"]
    dashes = {row["environment"]: re.split("<br>| / ", row[TRAINED]).count("-") for row in rows}
    assert {name: count for name, count in dashes.items() if count} == {"Taxi-v3": 2}


def test_every_flag_is_in_the_table_of_flags():
    rows = re.findall(r"^\| `(--[a-z-]+)[^|]*\|([^|]*)\|([^|]*)\|([^|]*)\|", REFERENCE, re.M)
    for column, script in enumerate(("main", "scripts/train", "scripts/watch"), start=1):
        done = run_main("--help", script=f"{script}.py", COLUMNS=200)
        flags = set(re.findall(r"--[a-z-]+", done.stdout)) - {"--help"}
        assert {row[0] for row in rows if row[column].strip() == "x"} == flags


def test_every_variable_that_is_set_is_in_the_reference():
    for name in {**preflight.SETTINGS, **preflight.FIXED}:
        assert f"| `{name}` |" in REFERENCE


def test_the_pins_that_the_pages_name():
    locks = [PROJECT / "requirements.txt", *sorted(PROJECT.glob("locks/*.txt"))]
    pinned = {pin for lock in locks for pin in preflight.pins(lock).items()}
    head = re.findall(r"(RLlib|gymnasium|TensorFlow) ([\d.]+\d)", README.split("```")[0])
    package = {"RLlib": "ray", "gymnasium": "gymnasium", "TensorFlow": "tensorflow"}
    last = re.findall(r"^\| `([\w.-]+)` .*?([\d.]+\d) is the last for Python 3\.8", SECURITY, re.M)
    named = [*((package[name], version) for name, version in head), *last]
    assert len(head) == 3
    assert [pin for pin in named if pin not in pinned] == []
    accepted = re.findall(r"^\| `([\w.-]+)` \| \w", SECURITY, re.M)
    assert set(accepted) <= {name for name, _ in pinned}
