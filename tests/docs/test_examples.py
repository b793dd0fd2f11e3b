"""The examples print what they are said to print, and that is right."""

import re

import numpy as np
from helpers import run_main

from examples import q_table


def test_the_table_is_gamma_to_the_distance():
    done = run_main(script="examples/q_table.py")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    heads = re.findall(r"^after episode (\d+), of (\d+) timesteps:$", done.stdout, re.M)
    assert [episode for episode, _ in heads] == ["1", "2", "200"]
    assert all(int(timesteps) >= 5 for _, timesteps in heads)  # five cells away
    cells = re.findall(r"^ +(\d)  +(\d\.\d{3})  +(\d\.\d{3})$", done.stdout, re.M)
    tables = [cells[at : at + 6] for at in range(0, len(cells), 6)]
    assert len(tables) == 3
    for table in tables:
        assert [cell for cell, _, _ in table] == list("012345")

    # The reward, 1, comes with the last step: of n steps, it is n - 1 away.
    def worth(steps):
        return f"{0.9 ** (steps - 1):.3f}"

    learned = [(str(cell), worth(1 + 5 - max(cell - 1, 0)), worth(5 - cell)) for cell in range(5)]
    assert tables[-1] == [*learned, ("5", "0.000", "0.000")]
    # By hand: half-way from 0 to 1; then from there to 1, and one cell back to 0.9 of it.
    assert [row[2] for row in tables[0]] == ["0.000", "0.000", "0.000", "0.000", "0.500", "0.000"]
    assert [row[2] for row in tables[1]] == ["0.000", "0.000", "0.000", "0.225", "0.750", "0.000"]
    Q, random = np.zeros((6, 2)), np.random.default_rng(seed=0)
    for _ in range(3):
        q_table.learn(Q, random)
    assert Q[4, 1] == 0.875
    assert done.stdout.endswith("\ngreedy policy: right right right right right\n")


def test_the_same_digits_each_time():
    first, second = (run_main(script="examples/q_table.py").stdout for _ in range(2))
    assert first == second
    assert "of 51 timesteps" in first
