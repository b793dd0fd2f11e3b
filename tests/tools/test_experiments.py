"""The experiments change what they say, and their report is what was measured."""

import json

import pytest
from helpers import PROJECT, run_code

from scripts import benchmark, experiments
from starter import Problem

REPORT = (PROJECT / "docs" / "experiments.md").read_text("utf-8")


@pytest.mark.parametrize("name", experiments.CHANGES)
def test_a_change_changes_one_line_and_the_report_names_it(name, tmp_path):
    change = experiments.CHANGES[name]
    assert f"| {name} |" in REPORT
    for flag in change.flags:
        assert flag in REPORT
    if not change.old:
        return
    before = (PROJECT / change.file).read_text("utf-8")
    path = tmp_path / change.file
    path.parent.mkdir(exist_ok=True)
    path.write_text(before, "utf-8")
    change.apply(tmp_path)
    after = path.read_text("utf-8")
    compile(after, change.file, "exec")
    pairs = zip(before.splitlines(), after.splitlines())
    ((old, new),) = [pair for pair in pairs if pair[0] != pair[1]]
    assert len(after.splitlines()) == len(before.splitlines())
    assert old.split("  #")[0].strip() == change.old
    assert new == old.replace(change.old, change.new)
    assert f"| `{change.file}` | `{change.old}` | `{change.new}` |" in REPORT
    with pytest.raises(Problem, match="has not, exactly once"):
        change.apply(tmp_path)  # the old line is gone


@pytest.fixture()
def leave(tmp_path, monkeypatch):
    """A function that leaves a part's figures."""
    monkeypatch.setattr(benchmark, "RESULTS", tmp_path)
    monkeypatch.setattr(benchmark, "fingerprint", lambda: "today's code")

    def leave(part, returns, timesteps, seconds=9.6):
        history = [[4096 * i, 10.0 * i] for i in range(1, timesteps // 4096 + 1)]
        random = [-200.0] * 50 + [-100.0] * 50
        figures = {"returns": returns, "random": random, "history": history, "seconds": seconds}
        experiments.save(part, figures)

    return leave


def test_the_report_is_worked_out_from_the_parts(leave):
    for part in experiments.PARTS:
        leave(part, [300.0] * 50 + [100.0] * 50, 4096 * 60)  # a mean of 200, but half of them
    leave("baseline-seed-0", [250.0] * 95 + [-50.0] * 5, 4096 * 25, seconds=40.0)
    leave("iterations-seed-0", [-100.0] * 100, 4096 * 10)
    leave("stock", [-150.0] * 100, 4096 * 5, seconds=600.0)
    lines = experiments.report().splitlines()
    for line in [
        "| baseline | 102,400 / - | 235 ± 65 / 200 ± 100 | 95 / 50 | 200 / 200 | 40 / 10 |",
        "| iterations | - / - | -100 ± 0 / 200 ± 100 | 0 / 50 | - / 200 | 10 / 10 |",
        "| stock | - | -150 ± 0 | 0 | - | 600 |",
        "| random actions | - | -150 ± 50 | 0 |  |  |",
    ]:
        assert line in lines
    assert "with seeds 0 / 3." in lines[0]
    assert "for 20,480 timesteps" in lines[-1]
    assert "its training mean was 50 by then; `baseline`'s was 50 after 20,480." in lines[-1]


def test_what_is_measured_is_of_this_code_and_this_change(leave, monkeypatch):
    leave("gamma-seed-0", [0.0] * 100, 4096)
    assert experiments.load("gamma-seed-0")["returns"] == [0.0] * 100
    assert experiments.load("gamma-seed-3") is None
    other = experiments.Change("short-sighted", "gamma=0.99,", "gamma=0.8,")
    with monkeypatch.context() as patch:
        patch.setitem(experiments.CHANGES, "gamma", other)
        assert experiments.load("gamma-seed-0") is None
    monkeypatch.setattr(benchmark, "fingerprint", lambda: "tomorrow's code")
    assert experiments.load("gamma-seed-0") is None


def test_a_part_is_measured_in_a_copy(tmp_path):
    """With too few timesteps to mean anything, but by the real thing from end to end."""
    script = (
        "import sys, pathlib\n"
        "from scripts import benchmark, experiments\n"
        f"benchmark.RESULTS = pathlib.Path({str(tmp_path)!r})\n"
        "short = ('--iterations', '1')\n"
        "change = experiments.Change('', 'gamma=0.99,', 'gamma=0.5,', flags=short)\n"
        "experiments.CHANGES['gamma'] = change\n"
        "experiments.measure('gamma-seed-3')\n"
    )
    before = (PROJECT / "main.py").read_bytes()
    done = run_code(script)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "experiment-gamma-seed-3.json").read_text())
    assert [point[0] for point in figures["history"]] == [4096]
    assert len(figures["returns"]) == len(figures["random"]) == 100
    assert figures["seconds"] > 0
    assert figures["declared"]["new"] == "gamma=0.5,"
    assert (PROJECT / "main.py").read_bytes() == before
