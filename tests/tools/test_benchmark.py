"""The benchmark's bookkeeping and its report; what it measures, it measures by itself."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import PROJECT, copy_project, environment, run_code
from PIL import Image

from scripts import benchmark


@pytest.fixture()
def results(tmp_path, monkeypatch):
    """Somewhere to leave results, and a function that leaves those of a part there."""
    monkeypatch.setattr(benchmark, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(benchmark, "PROJECT", tmp_path)
    monkeypatch.setattr(benchmark, "REPORT", tmp_path / "results.md")
    monkeypatch.setattr(benchmark, "PICTURE", tmp_path / "learning.png")
    monkeypatch.setattr(benchmark, "fingerprint", lambda: "today's code")
    benchmark.RESULTS.mkdir()

    def leave(part, fingerprint="today's code", **figures):
        figures = {"peak_mb": 512.0, "fingerprint": fingerprint, **figures}
        (benchmark.RESULTS / f"{part}.json").write_text(json.dumps(figures))

    return leave


def leave_everything(results):
    for number in benchmark.SEEDS:  # seed 1 fails; seed n takes n times 10 seconds
        history = [
            {"timesteps": 4096 * i, "mean": 20.0 * i, "seconds": 1.0} for i in range(1, number + 2)
        ]
        returns = [100.0] * 100 if number == 1 else [200.0 + number] * 90 + [199.0] * 10
        results(f"seed-{number}", seconds=10.0 * number, returns=returns, history=history)
    results("seed-10", seconds=100.0, returns=[250.0] * 100, history=history, peak_mb=1536.0)
    for number in benchmark.WORKERS:  # n workers are 1 + n times as fast as none
        history = [
            {"timesteps": 4096 * i, "mean": 0.0, "seconds": 4 / (1 + number)} for i in (1, 2)
        ]
        runs = [{"seconds": seconds + number, "history": history} for seconds in (60.0, 70.4)]
        results(f"workers-{number}", runs=runs)
    results("stock", timesteps=2000, seconds=50.0)
    results("iterations", iterations=[1.0, 1.0, 1.0, 1.25] + [1.5] * 36)
    results("rllibs-sampler", timesteps=8192, seconds=8.0)
    for number in benchmark.ENVIRONMENTS:
        results(f"environments-{number}", timesteps=8192, seconds=16 / number)


def test_the_report_is_worked_out_from_the_parts(results):
    leave_everything(results)
    report = benchmark.report()
    for line in [
        "| seeds whose mean return is 200 or more | 9 of 10 |",
        "| median of those means | 205 |",  # of 100, 201.7, 202.6, ... 208, 250
        "| episodes with a return of 200 or more | 82.0 % |",
        "| from build to the end of training, median | 55 s |",
        "| the same, slowest seed | 100 s |",
        "| timesteps a second while training, median | 4,096 |",
        "| the same, RLlib's stock `DQNConfig()` | 40 |",
        "| how many times faster | 102 |",
        "| 1 | 100 ± 0 | 0 | 8,192 | 10 |",
        "| 10 | 250 ± 0 | 100 | 45,056 | 100 |",
        "| 4 | 2,048 |",
        "| 0 | 1,024 | 60 and 70 |",
        "| 2 | 3,072 | 62 and 72 |",
        "| 16, with RLlib's own sampler | 1,024 |",
        "Iteration 4 takes 1.25 s, iteration 40 takes 1.50 s.",
    ]:
        assert line in report.splitlines()
    assert "| 1.50 GiB |" in report


def test_only_what_was_not_measured_with_this_code_is_measured(results, tmp_path, monkeypatch):
    measured = []

    def run(part):
        measured.append(part)
        (tmp_path / "results" / f"{part}.json").write_text((tmp_path / part).read_text())

    monkeypatch.setattr(benchmark, "run", run)
    leave_everything(results)
    for part in ("stock", "seed-3", "seed-7"):
        (tmp_path / part).write_text((tmp_path / "results" / f"{part}.json").read_text())
    results("seed-3", fingerprint="yesterday's code", seconds=1.0)
    (tmp_path / "results" / "seed-7.json").write_text('{"seconds": 1')
    (tmp_path / "results" / "stock.json").unlink()
    benchmark.bench(part=None)
    assert measured == ["stock", "seed-3", "seed-7"]
    benchmark.bench(part=None)
    assert len(measured) == 3
    assert benchmark.REPORT.read_text("utf-8") == benchmark.report()
    with Image.open(benchmark.PICTURE) as picture:
        assert picture.size == (800, 400)


def test_ctrl_c_ends_it_without_a_result_or_a_process(tmp_path):
    copy_project(tmp_path)
    bench = subprocess.Popen(
        [sys.executable, "-m", "scripts.benchmark"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert bench.stdout.readline() == "measuring stock\n"
    time.sleep(1)
    (child,) = Path(f"/proc/{bench.pid}/task/{bench.pid}/children").read_text().split()
    bench.send_signal(signal.SIGINT)
    assert bench.wait(timeout=30) == 130
    assert "Traceback" not in bench.stderr.read()
    assert list((tmp_path / "runs" / "benchmark").iterdir()) == []
    assert not Path(f"/proc/{child}/cmdline").exists()


def test_the_fingerprint_changes_with_the_code(tmp_path, monkeypatch):
    for name in (
        "main.py",
        "requirements.txt",
        "scripts/benchmark.py",
        "starter/learning/sampler.py",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.setattr(benchmark, "PROJECT", tmp_path)
    before = benchmark.fingerprint()
    assert benchmark.fingerprint() == before
    (tmp_path / "starter/learning/sampler.py").write_text("#")
    assert benchmark.fingerprint() != before


def test_a_part_is_measured_by_itself():
    """With too few timesteps to mean anything, but by the real thing from end to end."""
    script = (
        "from scripts import benchmark\n"
        "benchmark.main.ITERATIONS = 1\n"
        "print(benchmark.json.dumps(benchmark.seed(3)))\n"
    )
    done = run_code(script)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert [row["timesteps"] for row in figures["history"]] == [4096]
    assert len(figures["returns"]) == 100
    assert figures["seconds"] > figures["history"][0]["seconds"] > 0


def test_the_reference_shows_the_report():
    reference = (PROJECT / "docs" / "reference.md").read_text("utf-8")
    report = (PROJECT / "docs" / "benchmark.md").read_text("utf-8")
    for line in report.splitlines():
        assert line in reference
    assert "(learning.png)" in reference
