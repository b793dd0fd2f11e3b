"""Trainings are measured once, in their own processes, and their figures come from their files."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import copy_project, environment
from helpers.processes import command, wait_for
from PIL import Image
from scripts.measuring import Part

import main
from scripts import measuring

# Writes a run as main.py does, but in no time: two iterations, two evaluations of two episodes.
TRAINING = """
import pathlib, sys, time
name, output = sys.argv[1], pathlib.Path(sys.argv[-1], "Lander-seed0")
with open("order", "a") as file:
    file.write(name + " ")
if name == "fails":
    sys.exit("error: no")
output.joinpath("checkpoint_000002").mkdir(parents=True)
output.joinpath("checkpoint_000002", "policy.npz").write_text("weights of " + name)
output.joinpath("checkpoint_000002", "training.json").write_text('{"best": 2}')
output.joinpath("settings.json").write_text('{"action_repeat": 3}')
output.joinpath("statistics.csv").write_text(
    "timesteps_total,episode_reward_mean,time_total_s\\n4096,nan,1.5\\n8192,-5.5,2.5\\n")
output.joinpath("evaluations.csv").write_text(
    "iteration,episode,return\\n1,1,250\\n1,2,260\\n2,1,300\\n2,2,-100\\nrandom,1,-7\\n")
while name == "one" and time.process_time() < 0.4:
    pass
time.sleep(0.7 * (name == "one"))
"""


@pytest.fixture()
def part(tmp_path, monkeypatch):
    """A function that makes a part which is measured quickly, in `tmp_path`."""
    monkeypatch.setattr(measuring, "RESULTS", tmp_path / "results")
    (tmp_path / "training.py").write_text(TRAINING)
    return lambda name, code="": Part(name, ("training.py", name), tmp_path, code)


def test_the_figures_of_a_training(part):
    assert measuring.measure([[part("one")]]) == []
    figures = part("one").load()
    assert figures["history"][1] == [8192, -5.5]
    assert figures["training"] == 2.5
    assert figures["random"] == [-7.0]
    assert figures["action_repeat"] == 3
    assert figures["evaluations"] == [[250.0, 260.0], [300.0, -100.0]]
    assert 0.3 < figures["cpu"] < 0.9 < 1 < figures["seconds"]  # it sleeps as well
    assert 0.005 < figures["peak"] < 0.5  # GiB
    assert part("one").path.with_suffix(".npz").read_text() == "weights of one"
    assert measuring.best(figures, main.LANDER).tolist() == [300.0, -100.0]  # the kept one
    figures["kept"] = None
    assert measuring.best(figures, main.LANDER).tolist() == [250.0, 260.0]  # the best one
    assert measuring.cells([figures, figures], main.LANDER)[:3] == [
        "- / -",  # two episodes are too few to be solved
        "255 ± 5 / 255 ± 5",
        "100% / 100%",
    ]


def test_only_what_was_not_measured_is_measured_and_pairs_stay_together(part, tmp_path):
    groups = [[part("a"), part("b")], [part("fails"), part("c")]]
    assert measuring.measure(groups) == ["fails"]
    part("b").path.unlink()
    assert measuring.measure([*groups, [part("d")]], jobs=2) == ["fails"]
    order = (tmp_path / "order").read_text().split()
    assert order[:4] == ["a", "b", "fails", "c"]
    assert sorted(order[4:]) == ["a", "b", "c", "d", "fails"]


def test_figures_belong_to_the_code_the_flags_and_the_change(part, tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "PROJECT", tmp_path)
    (tmp_path / "starter" / "learning").mkdir(parents=True)
    sampler = tmp_path / "starter" / "learning" / "sampler.py"
    sampler.write_text("")
    (tmp_path / "results").mkdir()
    part("one").save({"cpu": 1})
    assert part("one").load() == {"cpu": 1}
    assert part("one", "gamma=0.9").load() is None
    assert Part("one", ("training.py", "one", "--iterations", "3"), tmp_path).load() is None
    sampler.write_text("#")
    assert part("one").load() is None


def test_a_plot_shows_every_label(tmp_path):
    runs = [
        {"history": [[1, 0.0], [2, 10.0]], "evaluations": [[0.0], [250.0]], "action_repeat": 1},
        {"history": [[1, 0.0], [3, 300.0]], "evaluations": [[260.0]], "action_repeat": 2},
    ]
    environment = SimpleNamespace(solved=200, is_solved=lambda returns: False)
    axes = measuring.plot(tmp_path / "p.png", {"red": runs, "green": runs[:1]}, environment)
    assert axes.get_xlabel() == "frames"
    assert axes.lines[0].get_xdata().max() == 3 * 2
    axes = measuring.plot(tmp_path / "q.png", {"red": runs[1:]}, environment)
    assert axes.get_xlabel() == "timesteps"
    assert axes.lines[0].get_xdata().max() == 3
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.size == (1200, 600)
        colors = {color for _, color in picture.convert("RGB").getcolors(1 << 20)}
    assert {(31, 119, 180), (255, 127, 14)} <= colors  # a line in each of matplotlib's first two


@pytest.mark.slow
def test_ctrl_c_ends_it_without_a_result_or_a_process(tmp_path):
    copy_project(tmp_path)
    bench = subprocess.Popen(
        [sys.executable, "-m", "scripts.benchmark"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert bench.stdout.readline() == "measuring stock\n"
    children = Path(f"/proc/{bench.pid}/task/{bench.pid}/children")
    (child,) = wait_for(lambda: children.read_text().split(), "its child")
    time.sleep(1)
    bench.send_signal(signal.SIGINT)
    assert bench.wait(timeout=30) == 130
    assert bench.stderr.read() == ""
    assert list((tmp_path / "runs" / "benchmark").iterdir()) == []
    assert command(child) == ""
