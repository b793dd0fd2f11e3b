"""The benchmark's reports are worked out from its parts' figures."""

import shutil
import subprocess

import numpy as np
import pytest

import main
from scripts import benchmark, environments, measuring
from starter import PROJECT, Problem


@pytest.fixture()
def reports(tmp_path, monkeypatch):
    """A folder that gets every file of the benchmark."""
    monkeypatch.setattr(measuring, "RESULTS", tmp_path)
    monkeypatch.setattr(benchmark, "REPORT", tmp_path / "benchmark.md")
    monkeypatch.setattr(benchmark, "PICTURE", tmp_path / "learning.png")
    monkeypatch.setattr(environments, "REPORT", tmp_path / "environments.md")
    return tmp_path


def figures(returns, cpu, timesteps=8192, **more):
    history = [[4096, -100.0], [timesteps, 100.0]]
    return {
        **{"evaluations": [returns], "fresh": returns, "random": [-170.0, -180.0], "cpu": cpu},
        **{"history": history, "seconds": 2 * cpu, "training": 4.0, "peak": 0.5},
        **{"action_repeat": 1, **more},
    }


def test_the_lander_s_report(reports):
    benchmark.STOCK.save(figures([-50.0] * 100, 90, timesteps=80))
    crashes = [250.0] * 80 + [50.0] * 20  # a mean of 210, but one in five fails
    runs = [
        figures([260.0] * 100, 10),
        figures(crashes, 20, peak=0.75),
        figures([240.0] * 100, 40),
    ]
    others = [figures([200.0] * 100, cpu, seconds=80, fresh=None) for cpu in (40, 40, 50)]
    benchmark.report(runs, others, "abc1234", "Flags: `--render none`.")
    lines = benchmark.REPORT.read_text("utf-8").splitlines()
    for line in [
        "| this code | 2 of 3 | 240 | 93.3 % | 0.50 | 0.50 | 2.0 | 0.75 GiB | 8,192 | 2,048 |",
        "| `abc1234` | 3 of 3 | - | - | 1.00 | 1.00 | 1.2 | 0.50 GiB | 8,192 | 2,048 |",
        "| RLlib's `DQNConfig()` | 0 of 1 | -50 | 0.0 % | - | - | 1.0 | 0.50 GiB | 80 | 20 |",
        "| 2 | - | 210 ± 80 | 80% | 20 | 210 ± 80 | 80 | 40 | 0.50 | 0.50 |",
        "| 3 | 8,192 | 240 ± 0 | 100% | 40 | 240 ± 0 | 100 | 80 | 0.80 | 1.00 |",
    ]:
        assert line in lines
    assert "Flags: `--render none`." in lines[0]
    benchmark.report(runs, [], None, "")
    assert "abc1234" not in benchmark.REPORT.read_text("utf-8")


def test_fresh_flights_are_those_of_the_trained_policy(reports, monkeypatch):
    weights = dict(np.load(next((PROJECT / "docs" / "demo").glob("checkpoint_*/policy.npz"))))
    other = {name: np.zeros(np.add(values.shape, 1)) for name, values in weights.items()}
    parts = [measuring.Part("demo", ()), measuring.Part("other", ()), measuring.Part("flown", ())]
    for part, arrays in zip(parts, (weights, other, other)):
        part.save({"action_repeat": 2} if part.name != "flown" else {"fresh": [1.0]})
        np.savez(part.path.with_suffix(".npz"), **arrays)
    evaluate = main.evaluate
    monkeypatch.setattr(
        main,
        "evaluate",
        lambda policy, lander, first_seed: evaluate(policy, lander, 4, first_seed),
    )
    benchmark.fly(parts)
    returns = parts[0].load()["fresh"]
    assert len(returns) == 4
    assert np.mean(returns) > 150  # the demo lands
    assert parts[1].load()["fresh"] is None
    assert parts[2].load()["fresh"] == [1.0]


def test_export_has_the_files_of_the_commit(tmp_path, monkeypatch):
    if not shutil.which("git"):
        pytest.skip("there is no git here")
    monkeypatch.setattr(benchmark, "PROJECT", tmp_path)
    (tmp_path / "there").mkdir()
    identity = ("-c", "user.name=me", "-c", "user.email=me@localhost")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    for text in ("old", "new"):
        (tmp_path / "main.py").write_text(text)
        subprocess.run(["git", "add", "main.py"], cwd=tmp_path, check=True)
        subprocess.run(["git", *identity, "commit", "-qm", text], cwd=tmp_path, check=True)
    assert len(benchmark.export("HEAD~1", tmp_path / "there")) >= 7
    assert (tmp_path / "there" / "main.py").read_text() == "old"
    with pytest.raises(Problem, match="there is no such commit"):
        benchmark.export("HEAD~7", tmp_path / "there")


def test_the_environments_report_leaves_out_what_failed(reports, monkeypatch):
    monkeypatch.setattr(environments, "ENVIRONMENTS", (("CartPole-v1",), ("Taxi-v3",)))
    monkeypatch.setattr(environments, "measure", lambda groups, jobs: ["Taxi-v3-2"])
    for part, mean in zip(environments.trainings("CartPole-v1", flags=["-x"]), (490, 400, 500)):
        part.save(figures([float(mean)] * 100, 30))
    with pytest.raises(Problem, match="could not be measured: Taxi-v3-2"):
        environments.environments(jobs=1, flags="-x")
    lines = environments.REPORT.read_text("utf-8").splitlines()
    *_, line = [line for line in lines if line.startswith("|")]
    assert line.startswith("| CartPole-v1 | -175 | 475 | 8,192 / - / 8,192 | 490 ± 0 / 400 ±")
    assert line.endswith("| 100% / 0% / 100% | 30 / 30 / 30 |")
