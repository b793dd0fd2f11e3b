"""The reports are worked out from the figures of their trainings."""

import shutil

import pytest
from helpers import PROJECT, copy_project
from PIL import Image

from scripts.maintain import reports
from starter import Problem


def figures(returns, seconds=10, timesteps=8192, **more):
    return {
        **{"trained": returns, "random": [-170.0, -180.0], "seconds": seconds, "training": 4.0},
        **{"timesteps": timesteps, "frames": 2 * timesteps, "peak": 0.5},
        **{"evaluations": [[4096, 100.0], [timesteps, 200.0]], **more},
    }


GOOD, CRASHES = [250.0] * 95 + [50.0] * 5, [260.0] * 80 + [50.0] * 20  # both average over 200


@pytest.fixture()
def measured(tmp_path, monkeypatch):
    """A function that replaces the measurements; the reports go to `tmp_path`."""
    for page in (PROJECT / "docs").glob("*.md"):
        shutil.copy(page, tmp_path)
    monkeypatch.setattr(reports, "DOCS", tmp_path)

    def replace(figures_of):
        monkeypatch.setattr(reports, "measure", lambda name, *_: figures_of(name))

    return replace


def rows(path):
    """The cells of each row of the tables."""
    lines = [line for line in path.read_text("utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_benchmark(measured, tmp_path):
    runs = {
        "seed-1": figures(GOOD, 10, peak=0.75),
        "seed-2": figures(CRASHES, 30, timesteps=4096),
        "stock": figures([-50.0] * 100, 90, timesteps=80, evaluations=[]),
    }
    measured(runs.get)
    reports.bench(seeds=2)
    found = rows(tmp_path / "benchmark.md")
    this = ["this code", "1 of 2", "229", "87.5%", "20", "30", "0.75 GiB", "6,144", "1,536"]
    assert this in found
    assert (tmp_path / "benchmark.md").read_text("utf-8").startswith("# Benchmark\n\nThe default")
    assert ["1", "8,192", "240 ± 44", "95%", "10"] in found
    assert ["2", "-", "218 ± 84", "80%", "30"] in found  # one in five crashes
    with Image.open(tmp_path / "learning.png") as picture:
        colors = {color for _, color in picture.convert("RGB").getcolors(1 << 20)}
    assert {(31, 119, 180), (255, 127, 14)} <= colors  # matplotlib's first two, one per label


def test_the_experiments(measured, tmp_path):
    measured(lambda name: figures(CRASHES if name == "gamma=0.99,-3" else GOOD))
    reports.experiments()
    found = rows(tmp_path / "experiments.md")
    assert len(found) == 2 + 1 + len(reports.CHANGES) + 1
    cells = ["8,192<br>-", "240 ± 44<br>218 ± 84", "95%<br>80%", "10<br>10"]
    assert ["`gamma=0.99,` → `gamma=0.9,`", *cells] in found


def test_the_environments(measured, tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "ENVIRONMENTS", (("CartPole-v1",), ("Blackjack-v1",)))
    means = {"CartPole-v1-0": 490.0, "CartPole-v1-1": 400.0}
    measured(lambda name: figures([means.get(name, 500.0)] * 100))
    reports.environments()
    *_, cart_pole, blackjack = rows(tmp_path / "environments.md")
    assert cart_pole[:4] == ["CartPole-v1", "-175", "475", "8,192<br>-<br>8,192"]
    assert blackjack[2:4] == ["-", "-<br>-<br>-"]  # it sets no threshold


@pytest.mark.lesson
@pytest.mark.parametrize("old", reports.CHANGES)
def test_each_experiment_changes_a_line_of_the_code(old, tmp_path):
    project = copy_project(tmp_path / "copy")
    reports.change(project, old)
    new = [project / "main.py", project / "starter/learning/sampler.py"]
    assert sum(reports.CHANGES[old] in path.read_text("utf-8") for path in new) == 1
    with pytest.raises(Problem, match="no longer in the code"):
        reports.change(project, old)
