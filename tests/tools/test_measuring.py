"""Trainings are measured in their own processes, and their figures come from their files."""

import os
import signal
from threading import Thread

import pytest
from helpers.processes import command, wait_for

from scripts.maintain import reports
from starter import Problem

# Writes a run as main.py does, but in no time: two iterations, two evaluations of two episodes.
TRAINING = """
import os, pathlib, sys, time
kind, output = sys.argv[1], pathlib.Path(sys.argv[-1], "Lander-seed0")
open("pid", "w").write(str(os.getpid()))
if kind == "fails":
    sys.exit("error: no")
while kind == "endless":
    time.sleep(1)
output.mkdir(parents=True)
output.joinpath("settings.json").write_text('{"action_repeat": 3}')
output.joinpath("statistics.csv").write_text(
    "timesteps_total,episode_reward_mean,time_total_s\\n4096,nan,1.5\\n8192,-5.5,2.5\\n")
output.joinpath("evaluations.csv").write_text(
    "iteration,episode,return\\n1,1,250\\n1,2,260\\n2,1,300\\n2,2,-100\\nrandom,1,-7\\ntrained,1,9\\n")
"""


@pytest.fixture()
def measure(tmp_path):
    """A function that measures a quick training in `tmp_path`."""
    (tmp_path / "main.py").write_text(TRAINING)
    return lambda kind="fresh": reports.measure(kind, ["main.py", kind], tmp_path)


def test_the_figures_of_a_training(measure):
    fresh = measure()
    assert fresh["timesteps"] == 8192
    assert fresh["frames"] == 3 * 8192
    assert fresh["training"] == 2.5
    assert fresh["evaluations"] == [[3 * 4096, 255.0], [3 * 8192, 100.0]]
    assert fresh["random"] == [-7.0]
    assert fresh["trained"] == [9.0]
    assert fresh["peak"] > 0.005  # GiB
    assert fresh["seconds"] > 0


def test_a_training_that_fails_is_no_result(measure):
    with pytest.raises(Problem, match=r"main.py fails .* failed"):
        measure("fails")


def test_ctrl_c_ends_its_process(measure, tmp_path):
    def press_ctrl_c():
        wait_for((tmp_path / "pid").exists, "the training")
        os.kill(os.getpid(), signal.SIGINT)

    Thread(target=press_ctrl_c).start()
    with pytest.raises(KeyboardInterrupt):
        measure("endless")
    training = int((tmp_path / "pid").read_text())
    wait_for(lambda: command(training) == "", "its end", 10)
