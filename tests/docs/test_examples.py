"""The examples print what the README shows, and that is right."""

import re

import numpy as np
import pytest
from helpers import PROJECT, run_main

import main
from examples import q_table


def test_the_table_is_gamma_to_the_distance():
    done = run_main(script="examples/q_table.py")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    heads = re.findall(r"^after episode (\d+), of (\d+) timesteps:$", done.stdout, re.M)
    assert [episode for episode, _ in heads] == ["1", "2", "200"]
    assert all(int(timesteps) >= 5 for _, timesteps in heads)  # five cells away
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("  ")]
    left, right = (
        [[float(value) for value in row[1:]] for row in rows if row[0] == action]
        for action in q_table.ACTIONS
    )

    def worth(steps):
        """A reward of 1 at the last of so many steps."""
        return 0.9 ** (steps - 1)

    assert right[2] == pytest.approx([*(worth(5 - cell) for cell in range(5)), 0], abs=5e-4)
    back = [worth(1 + 5 - max(cell - 1, 0)) for cell in range(5)]
    assert left[2] == pytest.approx([*back, 0], abs=5e-4)
    # By hand: half-way from 0 to 1; then half-way from there to 1, and one cell back to 0.9 of it.
    assert right[0] == [0, 0, 0, 0, 0.5, 0]
    assert right[1] == [0, 0, 0, 0.225, 0.75, 0]
    Q, random = np.zeros((6, 2)), np.random.default_rng(seed=0)
    for _ in range(3):
        q_table.learn(Q, random)
    assert Q[4, 1] == 0.875
    assert done.stdout.endswith("\ngreedy policy: right right right right right\n")


def test_one_update_is_the_readmes_and_moves_the_value_towards_its_target(same_arithmetic):
    done = run_main(script="examples.one_update")
    assert done.returncode == 0, done.stderr
    assert f"```console\n{done.stdout}```" in (PROJECT / "README.md").read_text("utf-8")
    rewards, rest, target, before, after = (
        float(re.search(rf"^{name} *[+=]? +(-?[\d.]+)", done.stdout, re.M)[1])
        for name in ("rewards", "rest", "target", "Q before", "Q after")
    )
    assert rewards + rest == pytest.approx(target, abs=0.02)
    assert abs(target - before) > 1
    assert 0 < (after - before) / (target - before) < 1
    error = float(re.search(r"the error is (\S+)", done.stdout)[1])
    assert error == pytest.approx(target - before, abs=0.02)
    action = int(re.search(r"^action +(\d)", done.stdout, re.M)[1])
    assert main.LANDER.actions[action] in done.stdout
