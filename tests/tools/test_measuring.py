"""Trainings are measured once, in their own processes, and their figures come from their files."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import PROJECT, environment
from helpers.processes import command, wait_for

from scripts.maintain import measuring
from starter import Problem

# Writes a run as main.py does, but in no time: two iterations, two evaluations of two episodes.
TRAINING = """
import pathlib, sys, time
kind, output = sys.argv[1], pathlib.Path(sys.argv[-1], "Lander-seed0")
with open("order", "a") as file:
    file.write(kind + " ")
if kind == "fails":
    sys.exit("error: no")
while kind == "endless":
    time.sleep(1)
output.mkdir(parents=True)
output.joinpath("settings.json").write_text('{"action_repeat": 3}')
output.joinpath("statistics.csv").write_text(
    "timesteps_total,episode_reward_mean,time_total_s\\n4096,nan,1.5\\n8192,-5.5,2.5\\n")
output.joinpath("evaluations.csv").write_text(
    "iteration,episode,return\\n1,1,250\\n1,2,260\\n2,1,300\\n2,2,-100\\nrandom,1,-7\\n"
    + "trained,1,9\\n" * (kind == "fresh"))
"""


@pytest.fixture()
def part(tmp_path, monkeypatch):
    """A function that makes a part which is measured quickly, in `tmp_path`."""
    monkeypatch.setattr(measuring, "RESULTS", tmp_path / "results")
    (tmp_path / "main.py").write_text(TRAINING)
    return lambda kind: measuring.Part(kind, ("main.py", kind), tmp_path)


def test_the_figures_of_a_training(part):
    fresh, older = measuring.measure([part("fresh"), part("older")])
    assert fresh["timesteps"] == 8192
    assert fresh["frames"] == 3 * 8192
    assert fresh["training"] == 2.5
    assert fresh["evaluations"] == [[3 * 4096, 255.0], [3 * 8192, 100.0]]
    assert fresh["random"] == [-7.0]
    assert fresh["trained"] == [9.0]
    assert older["trained"] == [300.0, -100.0]  # the last evaluation
    assert 0.005 < fresh["peak"] < 0.5  # GiB
    assert fresh["seconds"] > 0


def test_only_what_was_not_measured_with_this_code_is_measured(part, tmp_path):
    measuring.measure([part("a"), part("b")])
    measuring.measure([part("a"), part("c")])
    assert (tmp_path / "order").read_text().split() == ["a", "b", "c"]
    with pytest.raises(Problem, match="fails could not be measured"):
        measuring.measure([part("fails")])
    (tmp_path / "starter").mkdir()
    (tmp_path / "starter" / "new.py").write_text("")
    assert part("a").figures
    (tmp_path / "starter" / "new.py").write_text("changed = True")
    assert part("a").figures is None


def test_ctrl_c_ends_it_without_a_result_or_a_process(part, tmp_path):
    part("endless")
    script = (
        "from pathlib import Path; from scripts.maintain import measuring as m\n"
        f"m.RESULTS = Path({str(tmp_path)!r}, 'results')\n"
        f"m.Part('p', ('main.py', 'endless'), Path({str(tmp_path)!r})).measure()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], cwd=PROJECT, env=environment(), stderr=subprocess.DEVNULL
    )
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    wait_for((tmp_path / "order").exists, "the training")
    (child,) = children.read_text().split()
    parent.send_signal(signal.SIGINT)
    assert parent.wait(timeout=30) != 0
    wait_for(lambda: command(child) == "", "its end", 10)
    assert list((tmp_path / "results").iterdir()) == []
