"""The whole script as a user runs it: what it prints, leaves behind, and does on Ctrl-C."""

import re
import signal
import subprocess
import sys

import pytest
from helpers import PROJECT, environment, run_main
from PIL import Image

from starter.storage import checkpoint

STATISTICS = re.compile(r"^ +\d+ +[\d,]+ (?: +-?[\d.]+){3} +\d+\.\d$", re.M)


def returns(text):
    return re.findall(r"^episode \d+: return (-?\d+\.\d\d)$", text, re.M)


def start(*flags):
    return subprocess.Popen(
        [sys.executable, "-u", "main.py", *map(str, flags)],
        cwd=PROJECT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_run_with_a_gif(trained):
    output, done = trained
    (folder,) = output.glob("LunarLander*")
    assert len(STATISTICS.findall(done.stdout)) == 2
    summary = r"policy: mean -?\d+\.\d\d, standard deviation \d+\.\d\d, \d+ of 100 at 200 or more"
    assert re.search(f"^greedy {summary}$", done.stdout, re.M)
    assert re.search(f"^random {summary}$", done.stdout, re.M)
    assert "\nLunarLander-v2 is not solved yet\n" in done.stdout
    assert f"saved {folder}/checkpoint_000002" in done.stdout
    assert f"wrote {folder}/lander.gif" in done.stdout
    assert len(returns(done.stdout)) == 2
    written = ["checkpoint_000002", "curve.png", "episodes.csv", "evaluations.csv", "lander.gif"]
    written += ["settings.json", "statistics.csv"]
    assert sorted(path.name for path in folder.iterdir()) == written
    gif = Image.open(folder / "lander.gif")
    assert gif.n_frames > 20
    assert gif.size == (900, 400)
    assert gif.info["duration"] == 40  # ms: every second frame of 50 a second


def test_a_run_is_quiet(trained):
    _, done = trained
    assert done.stderr == ""
    # Every line is one of ours: statistics under their heading, then what became of it.
    ours = (
        r"iteration |  +\d|(greedy|random) policy: |LunarLander-v2 is |weights: |saved "
        r"|episode |wrote "
    )
    assert [line for line in done.stdout.splitlines() if not re.match(ours, line)] == []


@pytest.mark.slow
def test_a_checkpoint_flies_as_it_did(trained, tmp_path):
    output, trained_run = trained
    (checkpoint,) = output.glob("LunarLander*/checkpoint_*")
    again = ["--from-checkpoint", checkpoint, "--output", tmp_path, "--episodes", 2]
    same = run_main(*again, "--seed", 3, "--render", "none")
    assert same.returncode == 0, same.stderr
    assert returns(same.stdout) == returns(trained_run.stdout)
    assert list(tmp_path.iterdir()) == []  # nothing to keep, no folder
    other = run_main(*again, "--seed", 4, "--render", "none")
    assert returns(other.stdout) != returns(same.stdout)


@pytest.mark.slow
def test_without_a_display_it_says_why_and_where(trained, tmp_path):
    (checkpoint,) = trained[0].glob("LunarLander*/checkpoint_*")
    done = run_main("--from-checkpoint", checkpoint, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    (gif,) = tmp_path.glob("*/lander.gif")
    last = done.stdout.splitlines()[-1]
    assert "DISPLAY and WAYLAND_DISPLAY are not set" in last
    assert str(gif) in last
    assert len(returns(done.stdout)) == 3


@pytest.mark.slow
def test_nothing_is_written_into_the_home_folder(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    done = run_main(
        *("--iterations", 1, "--render", "none", "--output", tmp_path / "runs"), HOME=str(home)
    )
    assert done.returncode == 0, done.stderr
    assert list(home.iterdir()) == []


@pytest.mark.slow
def test_seeds_and_iterations_reach_the_run(trained, tmp_path):
    done = run_main("--iterations", 1, "--seed", 5, "--render", "none", "--output", tmp_path)
    lines = STATISTICS.findall(done.stdout)
    assert len(lines) == 1
    assert lines[0] not in trained[1].stdout
    (folder,) = tmp_path.glob("LunarLander*")
    assert folder.name.startswith("LunarLander-v2-seed5-")


@pytest.mark.slow
def test_ctrl_c_ends_training_and_goes_on(tmp_path):
    process = start("--iterations", 1000, "--render", "none", "--output", tmp_path)
    lines = iter(process.stdout.readline, "")
    assert any(STATISTICS.match(line) for line in lines)  # up to the first iteration
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "training ends with this iteration" in err
    iterations = 1 + len(STATISTICS.findall(out))  # the signal may come between two
    assert iterations <= 2
    assert f"checkpoint_{iterations:06}" in out
    assert len(returns(out)) == 3


@pytest.mark.slow
def test_a_second_ctrl_c_quits(tmp_path):
    process = start("--iterations", 1000, "--render", "none", "--output", tmp_path)
    lines = iter(process.stdout.readline, "")
    assert any(re.match(" +2 ", line) for line in lines)  # the first is saved
    process.send_signal(signal.SIGINT)
    assert "once more quits" in process.stderr.readline() + process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    (saved,) = tmp_path.glob("LunarLander*/checkpoint_*")  # what was learned so far
    assert checkpoint.newest(tmp_path / "latest").path.name == saved.name
