"""The learning curve: what it draws, and when."""

import os
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
from matplotlib.figure import Figure

from starter.display import curve

ALGORITHM = Mock()
ALGORITHM.get_policy().exploration.epsilon = lambda timestep: max(1 - timestep / 5_000, 0.2)


@pytest.fixture()
def run(tmp_path):
    return SimpleNamespace(
        folder=tmp_path,
        rows=[{"training_iteration": n, "timesteps_total": 4096 * n} for n in (1, 2)],
        episodes=[(1, -300.0, 90), (1, -100.0, 80), (2, 50.0, 400)],
        evaluations={2: np.array([100.0, 300.0])},
    )


def test_what_is_drawn(run, monkeypatch):
    drawn = {}

    def keep(figure, path, **options):
        for axes in figure.axes:
            drawn.update({line.get_label(): line.get_data() for line in axes.get_lines()})
        path.write_bytes(b"")

    monkeypatch.setattr(Figure, "savefig", keep)
    curve.update(run, ALGORITHM, 200)
    timesteps, epsilon = drawn.pop("epsilon (right)")
    assert np.interp([0, 2_500, 4_000, 8_192], timesteps, epsilon) == pytest.approx(
        [1, 0.5, 0.2, 0.2], abs=0.002
    )
    assert list(drawn.pop("solved: 200")[1]) == [200, 200]
    expected = {
        "training episode": ([2048, 4096, 8192], [-300, -100, 50]),
        "mean of the last 100": ([2048, 4096, 8192], [-300, -200, -350 / 3]),
        "greedy evaluation, mean": ([8192], [200]),
    }
    assert set(drawn) == set(expected)
    for label, data in expected.items():
        np.testing.assert_allclose(drawn[label], data)


@pytest.mark.parametrize(
    ("age", "last", "drawn"), [(5, False, False), (5, True, True), (60, False, True)]
)
def test_it_is_redrawn_now_and_then_and_at_the_end(age, last, drawn, run):
    path = run.folder / "curve.png"
    run.episodes, run.evaluations = [], {}  # no episode has ended yet
    path.write_bytes(b"old")
    os.utime(path, (path.stat().st_mtime - age,) * 2)
    curve.update(run, ALGORITHM, None, last)
    assert path.read_bytes().startswith(b"\x89PNG" if drawn else b"old")


def test_a_picture_that_cannot_be_written_is_one_warning(run, capsys):
    (run.folder / "curve.png").mkdir()
    for _ in range(3):
        curve.update(run, ALGORITHM, 200, last=True)
    error = capsys.readouterr().err
    assert error.startswith("warning: no learning curve: cannot write")
    assert error.count("\n") == 1
