"""The learning curve: what it draws, against a run's CSV files."""

import csv

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import main
from starter.display import curve
from starter.storage.run import Run


def read(path):
    with path.open() as file:
        return [
            {name: float(value) for name, value in row.items()} for row in csv.DictReader(file)
        ]


@pytest.fixture()
def run(trained):
    (folder,) = trained[0].glob("LunarLander*")
    return folder


def test_the_points_are_the_csvs(run):
    rows = read(run / "statistics.csv")
    episodes = [tuple(row.values()) for row in read(run / "episodes.csv")]
    timesteps, returns, means = curve.points(rows, episodes)
    assert len(returns) == rows[-1]["episodes_total"] > 60
    assert returns.tolist() == [episode[1] for episode in episodes]
    begin = 0
    for row in rows:
        inside = (timesteps > begin) & (timesteps <= row["timesteps_total"])
        begin = row["timesteps_total"]
        assert inside.sum() == sum(e[0] == row["training_iteration"] for e in episodes)
        # RLlib's own mean over the last 100 episodes, at the iteration's end.
        assert means[inside][-1] == pytest.approx(row["episode_reward_mean"])
        until = np.flatnonzero(inside)[-1] + 1
        assert returns[max(until - 100, 0) : until].max() == row["episode_reward_max"]
    assert sum(episode[2] for episode in episodes) <= begin  # those in the air are left out


def test_what_is_drawn(tmp_path, monkeypatch):
    drawn = {}

    def keep(figure, path, **options):
        for axes in figure.axes:
            drawn.update({line.get_label(): line.get_data() for line in axes.get_lines()})
        path.write_bytes(b"")

    monkeypatch.setattr(Figure, "savefig", keep)
    rows = [
        {"training_iteration": n, "timesteps_total": 4096 * n, "epsilon": 1 / n} for n in (1, 2)
    ]
    episodes = [(1, -300.0, 90), (1, -100.0, 80), (2, 50.0, 400)]
    evaluations = {2: np.array([100.0, 300.0])}
    curve.draw(tmp_path / "curve.png", rows, episodes, 200, evaluations)
    expected = {
        "training episode": ([2048, 4096, 8192], [-300, -100, 50]),
        "mean of the last 100": ([2048, 4096, 8192], [-300, -200, -350 / 3]),
        "greedy evaluation, mean": ([8192], [200]),
        "epsilon (right)": ([4096, 8192], [1, 0.5]),
    }
    assert list(drawn.pop("solved: 200")[1]) == [200, 200]
    assert set(drawn) == set(expected)
    for label, data in expected.items():
        np.testing.assert_allclose(drawn[label], data)


def test_the_picture_is_opaque_and_wide_enough_before_any_episode_has_ended(tmp_path):
    rows = [{"training_iteration": 1, "timesteps_total": 4096, "epsilon": 0.8}]
    curve.draw(tmp_path / "curve.png", rows, [], 200)
    image = Image.open(tmp_path / "curve.png")
    assert image.size == (1200, 600)
    # Dark words on white, whatever page it stands on.
    assert image.convert("RGBA").getpixel((2, 2)) == (255, 255, 255, 255)


def test_what_cannot_be_drawn_does_not_end_the_training(tmp_path, monkeypatch, capsys):
    def broken(*arguments):
        raise RuntimeError("no font")

    monkeypatch.setattr(curve, "draw", broken)
    monkeypatch.setattr(Run, "_add", lambda self, algorithm, result: self.rows.append(result))
    run = Run(tmp_path, main.LANDER)
    for name in ("_save_settings", "_save_tables", "_save_checkpoint", "_add_to_log"):
        monkeypatch.setattr(run, name, lambda *_: None)
    for last in (False, False, True):
        run._drawn = 0.0
        run.record(None, {}, last)
    assert capsys.readouterr().err == "warning: no font; training continues\n"  # once
