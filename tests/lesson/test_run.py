"""The whole script as a user runs it: what it prints, leaves behind, and does on Ctrl-C."""

import csv
import re
import signal

import numpy as np
import pytest
from helpers import run_main
from helpers.processes import Run
from PIL import Image

from starter.storage import checkpoint

STATISTICS = r" +\d+ +[\d,]+ (?: +-?[\d.]+){3} +\d+\.\d"
EPISODE = r"episode \d+: return -?\d+\.\d\d"


def test_what_a_run_prints_and_leaves(trained):
    output, done = trained
    (folder,) = output.glob("LunarLander*")
    assert done.stderr == ""
    returns = r"mean -?\d+\.\d\d, standard deviation \d+\.\d\d, \d+ of 100 at 200 or more"
    lines = ["iteration .*", STATISTICS, STATISTICS, rf"best policy \(iteration [12]\): {returns}"]
    lines += [f"random policy: {returns}", "LunarLander-v2 is not solved yet"]
    lines += [r"weights: SHA-256 [0-9a-f]{64}", f"saved {folder}/checkpoint_000002.npz"]
    lines += [EPISODE, f"wrote {folder}/lander.gif"]
    printed = done.stdout.splitlines()
    assert len(printed) == len(lines)
    for pattern, line in zip(lines, printed):
        assert re.fullmatch(pattern, line)
    written = ["checkpoint_000002.npz", "curve.png", "episodes.csv", "evaluations.csv"]
    written += ["lander.gif", "settings.json", "statistics.csv"]
    assert sorted(path.name for path in folder.iterdir()) == written
    assert list((output.parent / "home").iterdir()) == []
    assert Image.open(folder / "lander.gif").n_frames > 20


def test_each_line_is_of_the_training_episodes_so_far(tmp_path):
    done = run_main("--iterations", 4, "--render", "none", "--output", tmp_path)
    (folder,) = tmp_path.glob("LunarLander*")
    with (folder / "episodes.csv").open() as file:
        episodes = [tuple(map(float, row.values())) for row in csv.DictReader(file)]
    for number in (1, 2, 3, 4):
        _, returns, lengths = np.transpose([e for e in episodes if e[0] <= number][-100:])
        figures = [f"{value:.2f}" for value in (max(returns), min(returns), np.mean(returns))]
        assert done.stdout.splitlines()[number].split()[2:] == [
            *figures,
            f"{np.mean(lengths):.1f}",
        ]
    assert len(episodes) > 100 > len([e for e in episodes if e[0] == 1]) > 20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signals", "status"), [(["SIGINT"], 0), (["SIGINT", "SIGINT"], 130), (["SIGTERM"], 143)]
)
def test_ctrl_c_saves_and_shows_and_a_second_one_or_sigterm_quits(signals, status, tmp_path):
    with Run("--render", "none", "--output", tmp_path) as run:
        run.wait_for_iteration(2)  # the first is saved
        for number, name in enumerate(signals):
            if number:
                run.wait_for_error("again to quit now")
            run.process.send_signal(getattr(signal, name))
        assert run.end() == status
    errors = "".join(run.errors)
    assert "Traceback" not in errors and "error" not in errors
    found, out = checkpoint.newest(tmp_path / "latest"), "".join(run.lines)
    assert 1 <= found.manifest["iteration"] <= 3
    assert len(re.findall(EPISODE, out)) == (0 if status else 3)
    assert (f"saved {found.path}\n" in out) == (not status)
