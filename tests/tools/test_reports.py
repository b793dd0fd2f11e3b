"""The reports are worked out from the figures of their trainings."""

import shutil
import subprocess

import pytest
from PIL import Image

from scripts.maintain import benchmark, environments, experiments, measuring
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
    for module in (benchmark, experiments):
        monkeypatch.setattr(module, "DOCS", tmp_path)
    monkeypatch.setattr(environments, "REPORT", tmp_path / "environments.md")

    def replace(module, figures_of):
        monkeypatch.setattr(module, "measure", lambda parts: [figures_of(p.name) for p in parts])

    return replace


def rows(path):
    """The cells of each row of the tables."""
    lines = [line for line in path.read_text("utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_benchmark(measured, tmp_path):
    runs = {
        "seed-1-this-code": figures(GOOD, 10, peak=0.75),
        "seed-2-this-code": figures(CRASHES, 30, timesteps=4096),
        "stock": figures([-50.0] * 100, 90, timesteps=80, evaluations=[]),
    }
    measured(benchmark, runs.get)
    benchmark.bench(seeds=2, against=None, flags="--render none")
    found = rows(tmp_path / "benchmark.md")
    this = ["this code", "1 of 2", "229", "87.5%", "20", "30", "0.75 GiB", "6,144", "1,536"]
    assert this in found
    assert ["1", "8,192", "240 ± 44", "95%", "10"] in found
    assert ["2", "-", "218 ± 84", "80%", "30"] in found  # one in five crashes
    with Image.open(tmp_path / "learning.png") as picture:
        colors = {color for _, color in picture.convert("RGB").getcolors(1 << 20)}
    assert {(31, 119, 180), (255, 127, 14)} <= colors  # matplotlib's first two, one per label


def test_the_experiments(measured, tmp_path, monkeypatch):
    monkeypatch.setattr(
        experiments,
        "trainings",
        lambda name, _: [measuring.Part(f"{name}-{s}", ()) for s in (0, 3)],
    )
    measured(experiments, lambda name: figures(CRASHES if name == "gamma-3" else GOOD))
    experiments.experiments()
    found = rows(tmp_path / "experiments.md")
    assert len(found) == 2 + len(experiments.CHANGES) + 2
    change = str(experiments.CHANGES["gamma"])
    cells = ["8,192<br>-", "240 ± 44<br>218 ± 84", "95%<br>80%", "10<br>10"]
    assert [change, *cells] in found
    assert found[-1] == ["random actions", "-", "-175 ± 5", "0%", "0"]


def test_the_environments(measured, tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "ENVIRONMENTS", (("CartPole-v1",), ("Blackjack-v1",)))
    means = {"CartPole-v1-0": 490.0, "CartPole-v1-1": 400.0}
    measured(environments, lambda name: figures([means.get(name, 500.0)] * 100))
    environments.environments(flags="-x")
    *_, cart_pole, blackjack = rows(tmp_path / "environments.md")
    assert cart_pole[:4] == ["CartPole-v1", "-175", "475", "8,192<br>-<br>8,192"]
    assert blackjack[2:4] == ["-", "-<br>-<br>-"]  # it sets no threshold


def test_a_change_that_no_longer_fits_is_refused(tmp_path):
    (tmp_path / "main.py").write_text("one\ntwo\n")
    change = experiments.Change("two", "three")
    change.apply(tmp_path)
    assert (tmp_path / "main.py").read_text() == "one\nthree\n"
    with pytest.raises(Problem, match="two, which main"):
        change.apply(tmp_path)


def test_export_has_the_files_of_the_commit(tmp_path, monkeypatch):
    if not shutil.which("git"):
        pytest.skip("there is no git here")
    monkeypatch.setattr(benchmark, "PROJECT", tmp_path)
    identity = ("-c", "user.name=me", "-c", "user.email=me@localhost")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    for text in ("old", "new"):
        (tmp_path / "main.py").write_text(text)
        subprocess.run(["git", "add", "main.py"], cwd=tmp_path, check=True)
        subprocess.run(["git", *identity, "commit", "-qm", text], cwd=tmp_path, check=True)
    (tmp_path / "there").mkdir()
    benchmark.export("HEAD~1", tmp_path / "there")
    assert (tmp_path / "there" / "main.py").read_text() == "old"
    with pytest.raises(Problem, match="there is no such commit"):
        benchmark.export("HEAD~7", tmp_path / "there")
