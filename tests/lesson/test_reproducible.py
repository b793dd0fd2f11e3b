"""The same seed returns the same run, to the last digit, and `make verify` tells if not."""

import platform
import re

import pytest
from helpers import copy_project, run_main

from scripts import verify
from scripts.maintain import record
from starter import Problem

# What may differ between users and must not change a result, as unusual as possible. Two hide
# this CPU's newer instructions from numpy and from the C library.
ANOTHER_USER = {
    "LC_ALL": "tr_TR.UTF-8",
    "TZ": "Asia/Kathmandu",
    "PYTHONHASHSEED": "7",
    "OMP_NUM_THREADS": "3",
    "TF_NUM_INTRAOP_THREADS": "3",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX2 FMA3",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-AVX2_Usable,-FMA_Usable",
    "PYTHONWARNINGS": "error",
}
FIGURES = {"iteration 1, timesteps_total": "4096", "b": "1.5", "c": "LunarLander-v2 is solved"}


@pytest.fixture()
def first(trained):
    """The figures of a run of two iterations."""
    (folder,) = trained[0].glob("LunarLander*")
    return verify.figures(folder)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="these variables are for x86-64")
def test_the_same_seed_is_the_same_run_for_another_user_elsewhere(first, tmp_path):
    """As a service with closed pipes, in a folder with files that are named like modules."""
    copy = copy_project(tmp_path / "copy")
    for name in ("gym.py", "gymnasium.py", "random.py", "ray.py", "re.py", "numpy/__init__.py"):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text("raise ImportError('not this one')")
    flags = ["--seed", 3, "--iterations", 2, "--render", "none", "--output", tmp_path / "runs"]
    closed = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh"]
    done = run_main(*flags, cwd=copy, before=closed, HOME=tmp_path, **ANOTHER_USER)
    assert done.returncode == 0, "without `before=closed` it says why"
    (folder,) = (tmp_path / "runs").glob("LunarLander*")
    assert len(first) > 200
    assert verify.figures(folder) == first


def test_another_seed_is_another_run(first):
    recorded = verify.figures(verify.EXPECTED)
    name = "iteration 1, episode_reward_mean"
    assert first[name] != recorded[name]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"b": "1.6", "c": ""}, "^2 of 3 figures .* is b: 1.5 recorded, 1.6 here$"),
        ({"d": "1"}, "^1 of 4 figures .* is d: none recorded, 1 here$"),
    ],
)
def test_a_figure_that_differs_is_named(changes, words):
    assert verify.compare(FIGURES, dict(FIGURES)).startswith("reproduced on ")
    with pytest.raises(Problem, match=words):
        verify.compare(FIGURES, {**FIGURES, **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"iteration 1, timesteps_total": "512"}, "timesteps_total: 4096 recorded, 512 here"),
        ({"c": "LunarLander-v2 is not solved yet"}, "verdict: solved recorded, not solved here"),
    ],
)
def test_on_other_cpus_only_what_holds_everywhere_counts(changes, words):
    assert "not comparable" in verify.compare(FIGURES, {**FIGURES, "b": "2"}, "aarch64")
    with pytest.raises(Problem, match=words):
        verify.compare(FIGURES, {**FIGURES, **changes}, "arm64")


def test_outputs_in_the_readme_are_replaced_and_nothing_else():
    readme = (
        "```console\n$ make\nold\n```\nprose\n```sh\n.venv/bin/python -c print(1+1)\n```\n\n"
        "```console\n3\n```\n```sh\nmake train\n```\n```console\nkept\n```\n"
    )
    new = record.refreshed(readme, "saved runs/a-20230301-120000/b\nend\n")
    middle = "saved runs/a-20230301-120000/b\nend"
    assert new == readme.replace("old", middle).replace("\n3\n", "\n2\n")
    shown = verify.OUTPUT.search(new)[0]
    assert list(verify.lines(shown).values()) == ["saved runs/a/b", "end"]


@pytest.mark.slow
def test_after_a_change_expected_makes_verify_green(tmp_path):
    project = copy_project(tmp_path / "copy")
    text, count = re.subn(
        r"(?m)^ITERATIONS = \d+", "ITERATIONS = 2", (project / "main.py").read_text()
    )
    assert count == 1
    (project / "main.py").write_text(text.replace("n_step=3", "n_step=2"))
    environment = {"cwd": project, "PYTHONPATH": project}
    done = run_main(script="scripts/maintain/record.py", **environment)
    assert done.returncode == 0, done.stderr
    done = run_main(script="scripts/verify.py", **environment)
    assert done.returncode == 0, done.stderr
    assert "reproduced" in done.stdout
    (project / "main.py").write_text(text)
    done = run_main("--short", script="scripts/verify.py", **environment)
    assert done.returncode == 1
    assert "make expected" in done.stderr
