"""The experiments change what they say, and their report is what was measured."""

import pytest
from tools.test_benchmark import figures

from scripts import benchmark, experiments
from starter import PROJECT, Problem

REPORT = (PROJECT / "docs" / "experiments.md").read_text("utf-8")


@pytest.mark.parametrize("name", experiments.CHANGES)
def test_a_change_changes_one_line_and_the_report_names_it(name, tmp_path):
    change = experiments.CHANGES[name]
    parts = experiments.trainings(name, tmp_path)
    assert [part.command[-1] for part in parts] == ["0", "3"]
    before = (PROJECT / change.file).read_text("utf-8").splitlines()
    after = (parts[0].folder / change.file).read_text("utf-8").splitlines()
    changed = [pair for pair in zip(before, after) if pair[0] != pair[1]]
    assert len(after) == len(before)
    assert f"| {name} |" in REPORT
    if not change.old:
        assert changed == []
        assert set(change.flags) <= set(parts[0].command)
        return
    ((old, new),) = changed
    assert new == old.replace(change.old, change.new)
    compile("\n".join(after), change.file, "exec")
    with pytest.raises(Problem, match="must have this exactly once"):
        change.apply(parts[0].folder)  # it is no longer there


def test_the_report_is_worked_out_from_the_figures(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "REPORT", tmp_path / "experiments.md")
    monkeypatch.setattr(experiments, "PICTURE", tmp_path / "experiments.png")
    history = [[4096 * i, 10.0 * i] for i in range(1, 61)]
    half = figures([300.0] * 50 + [100.0] * 50, 50, history=history)  # a mean of 200, but half
    good = figures([250.0] * 95 + [-50.0] * 5, 40, history=history[:25])
    good["action_repeat"] = 2
    short = figures([-100.0] * 100, 10, history=history[:10])
    runs = {name: [half, half] for name in experiments.CHANGES}
    runs.update(baseline=[good, half], iterations=[short, half])
    experiments.report(runs, figures([-150.0] * 100, 600, history=[[10_000, -120.0]]))
    text = experiments.REPORT.read_text("utf-8")
    for line in [
        "| baseline | 102,400 / - | 235 ± 65 / 200 ± 100 | 95% / 50% | 40 / 50 | 100 / 100 |",
        "| iterations | - / - | -100 ± 0 / 200 ± 100 | 0% / 50% | 10 / 50 | 100 / 100 |",
        "| stock | - | -150 ± 0 | 0% | 600 | - |",
        "| random actions | - | -175 ± 5 | 0% | 0 | - |",
    ]:
        assert line in text.splitlines()
    assert "-120 after 10,000 frames; `baseline`'s is 10 after 8,192." in text
    assert experiments.PICTURE.exists()
    assert experiments.STOCK is benchmark.STOCK
