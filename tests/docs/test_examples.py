"""The table of Q-values that the first example learns is right."""

import re

import numpy as np
import pytest
from helpers import run_main

from examples import q_table


def test_the_table_is_gamma_to_the_distance():
    done = run_main(script="examples/q_table.py")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("  ")]
    left, right = (
        [[float(value) for value in row[1:]] for row in rows if row[0] == action]
        for action in q_table.ACTIONS
    )
    distance = np.array([5, 4, 3, 2, 1])
    assert right[-1] == pytest.approx([*0.9 ** (distance - 1), 0], abs=5e-4)
    back = np.minimum(distance + 1, 5)  # from the cell to the left; cell 0 has a wall there
    assert left[-1] == pytest.approx([*0.9**back, 0], abs=5e-4)
    # By hand: half-way from 0 to 1; then half-way from there to 1, and one cell back to 0.9 of it.
    assert right[0] == [0, 0, 0, 0, 0.5, 0]
    assert right[1] == [0, 0, 0, 0.225, 0.75, 0]
    assert re.search(r"greedy policy:( right){5}\n$", done.stdout)
