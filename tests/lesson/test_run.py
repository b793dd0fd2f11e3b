"""The whole script as a user runs it: what it prints, leaves behind, and does on Ctrl-C."""

import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from helpers import PROJECT, environment, run_here
from PIL import Image

import main
from scripts import watch
from starter.storage import checkpoint

STATISTICS = r" +\d+ +[\d,]+ (?: +-?[\d.]+){3} +\d+\.\d"
EPISODE = r"episode \d+: return -?\d+\.\d\d"


def test_what_a_run_prints_and_leaves(trained):
    output, done = trained
    (folder,) = output.glob("LunarLander*")
    assert done.stderr == ""
    policy = r"policy: mean -?\d+\.\d\d, standard deviation \d+\.\d\d, \d+ of 100 at 200 or more"
    lines = ["iteration .*", STATISTICS, STATISTICS, f"greedy {policy}", f"random {policy}"]
    lines += ["LunarLander-v2 is not solved yet", r"weights: SHA-256 [0-9a-f]{64}"]
    lines += [f"saved {folder}/checkpoint_000002", EPISODE, EPISODE, f"wrote {folder}/lander.gif"]
    printed = done.stdout.splitlines()
    assert len(printed) == len(lines)
    for pattern, line in zip(lines, printed):
        assert re.fullmatch(pattern, line)
    written = ["checkpoint_000002", "curve.png", "episodes.csv", "evaluations.csv", "lander.gif"]
    written += ["settings.json", "statistics.csv"]
    assert sorted(path.name for path in folder.iterdir()) == written
    assert list((output.parent / "home").iterdir()) == []
    gif = Image.open(folder / "lander.gif")
    assert gif.n_frames > 20
    assert gif.size == (900, 400)


def test_without_a_display_it_says_why_and_where(trained, tmp_path):
    flags = ["--from-checkpoint", trained[0] / "latest", "--episodes", 1, "--output", tmp_path]
    done = run_here(watch.watch, *flags)
    assert done.returncode == 0, done.stderr
    (gif,) = tmp_path.glob("*/lander.gif")
    last = done.stdout.splitlines()[-1]
    assert "DISPLAY and WAYLAND_DISPLAY are not set" in last
    assert str(gif) in last


def test_the_flags_reach_the_run(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(main, "evaluate", lambda *_: np.zeros(10))
    flags = ["--iterations", 1, "--seed", 5, "--render", "none", "--episodes", 1]
    done = run_here(main.main, *flags, "--output", tmp_path)
    (line,) = re.findall(f"^{STATISTICS}$", done.stdout, re.M)
    assert line not in trained[1].stdout
    assert len(re.findall(EPISODE, done.stdout)) == 1
    (folder,) = tmp_path.glob("LunarLander*")
    assert folder.name.startswith("LunarLander-v2-seed5-")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        folder.name,
        "latest",
        "tensorboard",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_saves_and_shows_and_a_second_one_quits(presses, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-u", "main.py", "--render", "none", "--output", str(tmp_path)],
        cwd=PROJECT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert any(line.startswith("        2 ") for line in process.stdout)  # the first is saved
    process.send_signal(signal.SIGINT)
    if presses == 2:
        assert "again to quit now" in process.stderr.readline() + process.stderr.readline()
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == (0 if presses == 1 else 130), err
    assert "Traceback" not in err
    found = checkpoint.newest(tmp_path / "latest")
    assert 1 <= found.manifest["iteration"] <= 3
    assert len(re.findall(EPISODE, out)) == (3 if presses == 1 else 0)
    assert (f"saved {found.path}\n" in out) == (presses == 1)
