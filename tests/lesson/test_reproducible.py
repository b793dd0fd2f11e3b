"""The same seed returns the same run, to the last digit, and `make verify` tells if not."""

import csv
import json
import os
import pty
import re
import subprocess
import sys

import numpy as np
import pytest
from helpers import PROJECT, copy_project, environment, run_main

import main
from scripts import arithmetic, verify
from starter import Problem
from starter.storage import checkpoint
from starter.storage.run import Run

EXPECTED = {
    name: json.loads((PROJECT / "tests" / "expected" / f"{name}.json").read_text("utf-8"))
    for name in ("short", "full")
}
REPRODUCED = f"reproduced: {len(EXPECTED['short']['figures'])} figures, each to the last digit\n"
# What may differ between users and must not change a result, as unusual as possible.
ANOTHER_USER = {
    "LC_ALL": "tr_TR.UTF-8",
    "TZ": "Asia/Kathmandu",
    "COLUMNS": "40",
    "FORCE_COLOR": "1",
    "PYTHONHASHSEED": "7",
    "OMP_NUM_THREADS": "3",
    "TF_NUM_INTRAOP_THREADS": "3",
    "TF_NUM_INTEROP_THREADS": "3",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "0",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
    "CUDA_VISIBLE_DEVICES": "0",
}
# What hides this CPU's newer instructions from numpy and from the C library.
ANOTHER_CPU = {
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX2 FMA3",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-AVX2_Usable,-FMA_Usable",
}

# Prints how many products of a matrix's first rows are not the first rows of its product. The
# shapes, (rows, added up, columns), are those of main.py's network and of its gradients.
ROWS = """
from starter import preflight
preflight.check()
import numpy as np
import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(1)
random = np.random.default_rng(0)
shapes = [(128, 8, 128), (128, 128, 64), (128, 64, 4), (8, 128, 128), (64, 128, 4), (128, 64, 128)]
differ = 0
for rows, depth, columns in shapes:
    left = random.standard_normal((rows, depth)).astype(np.float32)
    right = random.standard_normal((depth, columns)).astype(np.float32)
    whole = tf.matmul(left, right).numpy()
    for some in range(2, rows):
        differ += not np.array_equal(tf.matmul(left[:some], right), whole[:some])
print(differ)
"""


def run_verify(*flags, project=PROJECT, **options):
    return run_main(*flags, cwd=project, script="scripts.verify", **options)


def in_parallel(count):
    """Start programs that keep that many cores busy."""
    return [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]


def with_another_cpu_name(tmp_path):
    """Return the start of a command that sees another /proc/cpuinfo, where this is allowed."""
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("vendor_id: Another\nmodel name: Another\ncpu family: 1\nmodel: 1\n")
    script = 'mount --bind "$0" /proc/cpuinfo && exec "$@"'
    before = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, cpuinfo]
    try:
        allowed = subprocess.run([*before, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        allowed = False
    return before if allowed else []


def changed_copy(folder, name, before, after):
    """Copy the project to `folder` and replace a text in one file; return the folder."""
    path = copy_project(folder) / name
    text = path.read_text("utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, after), "utf-8")
    return folder


def test_the_expected_figures_are_reproduced(same_arithmetic):
    done = run_verify("--short")
    assert done.stdout == REPRODUCED, done.stdout + done.stderr
    assert done.returncode == 0


def test_a_changed_hyperparameter_is_caught_whatever_the_cpus_name(tmp_path, same_arithmetic):
    project = changed_copy(tmp_path / "copy", "main.py", "gamma=0.99,", "gamma=0.98,")
    done = run_verify("--short", project=project, before=with_another_cpu_name(tmp_path))
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.match(
        r"error: \d+ of \d+ figures differ\. The first is iteration 1, [a-z_]+: "
        r"-?[\d.]+ expected, -?[\d.]+ here \([\d.e+-]+ apart\)\. This machine's arithmetic is as "
        r"expected, so the project or its pins have changed",
        done.stderr,
    )
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_another_arithmetic_is_told_apart(tmp_path, same_arithmetic):
    pin = '"ONEDNN_MAX_CPU_ISA": "%s"'
    project = changed_copy(tmp_path / "copy", "starter/preflight.py", pin % "AVX", pin % "SSE41")
    done = run_verify("--short", project=project)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "NOT reproduced here: this machine's arithmetic differs (forward pass, update), "
    )
    assert done.stdout.endswith(
        "The 102 figures that must be the same on any machine are the same\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("changes", [ANOTHER_USER, ANOTHER_CPU], ids=["user", "cpu"])
def test_in_another_folder_and_environment(changes, tmp_path, same_arithmetic):
    copy_project(tmp_path)
    (tmp_path / "home").mkdir()
    done = run_verify("--short", project=tmp_path, HOME=tmp_path / "home", **changes)
    assert done.stdout == REPRODUCED, done.stdout + done.stderr
    assert done.returncode == 0


def test_a_row_of_a_product_does_not_depend_on_how_many_are_multiplied_at_once():
    """TensorFlow cuts matrices to fit the CPU's caches: no cut may change a result."""
    done = subprocess.run(
        [sys.executable, "-c", ROWS],
        cwd=str(PROJECT),
        env=environment(),
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert done.stdout == "0\n"


@pytest.mark.slow
def test_on_one_core_that_others_use_too(same_arithmetic):
    core = str(min(os.sched_getaffinity(0)))
    others = in_parallel(4)
    try:
        done = run_verify("--short", before=("taskset", "-c", core))
    finally:
        for other in others:
            other.kill()
    assert done.stdout == REPRODUCED, done.stdout + done.stderr


@pytest.mark.slow
def test_on_a_terminal(tmp_path, same_arithmetic):
    ours, theirs = pty.openpty()
    flags = ["--iterations", str(verify.SHORT), "--render", "none", "--output", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, str(PROJECT / "main.py"), *flags],
        env=environment(TERM="xterm"),
        stdout=theirs,
    )
    os.close(theirs)
    while True:  # what is not read would stop it
        try:
            if not os.read(ours, 4096):
                break
        except OSError:
            break
    assert process.wait() == 0
    (folder,) = tmp_path.glob("LunarLander*")
    found = verify.figures(folder, "")
    expected = EXPECTED["short"]["figures"]
    assert found == {name: expected[name] for name in found}
    assert len(found) > 200


def test_the_same_seed_is_the_same_run_and_another_seed_is_not(trained, tmp_path):
    output, first = trained
    again = run_main(
        "--seed", 3, "--iterations", 2, "--episodes", 1, "--render", "none", "--output", tmp_path
    )
    assert again.returncode == 0, again.stderr
    runs = []
    for folder, done in (output, first), (tmp_path, again):
        (run,) = folder.glob("LunarLander*")
        printed = done.stdout.replace(f"{folder}/", "")
        printed = re.sub(r"^wrote .*\n", "", printed, flags=re.M)  # the GIF
        runs.append(verify.figures(run, printed))
    assert runs[0] == runs[1]
    other = EXPECTED["short"]["figures"]
    mean = "iteration 1, episode_reward_mean"
    assert runs[0][mean] != other[mean]
    random = "evaluation random, return of episode 1"  # of the same episodes for every seed
    assert runs[0][random] == other[random]


def test_the_arithmetic_has_the_shapes_of_the_shipped_network():
    weights = checkpoint.newest(PROJECT / "docs" / "demo").weights
    kernels = [
        values.shape
        for name, values in weights.items()
        if name.endswith("kernel") and "value_out" not in name  # RLlib's, which DQN does not use
    ]
    assert tuple(kernels) == arithmetic.LAYERS
    config = main.configure(0)
    assert config.train_batch_size == arithmetic.BATCH
    assert config.num_envs_per_worker in arithmetic.PLAYED


def test_the_first_difference_is_the_first_in_time():
    expected = {"a": "1.5", "b": "x", "c": "3.0"}
    with pytest.raises(Problem, match=r"^2 of 3 figures differ. The first is b: x expected, y"):
        verify.compare(expected, {"a": "1.5", "b": "y", "c": "4.0"})
    with pytest.raises(Problem, match=r"The first is c: 3.0 expected, 3.25 here \(0.25 apart\)"):
        verify.compare(expected, {"a": "1.5", "b": "x", "c": "3.25"})
    with pytest.raises(Problem, match=r"The first is c: 3.0 expected, none here\. "):
        verify.compare(expected, {"a": "1.5", "b": "x"})
    with pytest.raises(Problem, match=r"^1 of 4 figures differ. The first is d: none expected, 1"):
        verify.compare(expected, {**expected, "d": "1"})
    assert verify.compare(expected, dict(expected)).startswith("reproduced: 3 ")
    assert verify.compare(expected, dict(expected), ["update"]).startswith("reproduced: 3 ")


def test_with_another_arithmetic_some_figures_must_be_the_same():
    expected = {
        "iteration 1, timesteps_total": "4096",
        "iteration 1, episode_reward_mean": "-150.5",
        "evaluation random, return of episode 1": "-99.5",
        "verdict": "Lander is solved",
    }
    other = {**expected, "iteration 1, episode_reward_mean": "-150.25"}
    with pytest.raises(Problem, match="the project or its pins have changed"):
        verify.compare(expected, other)
    said = verify.compare(expected, other, ["forward pass", "update"])
    assert said.startswith("NOT reproduced here: ")
    assert "(forward pass, update)" in said
    assert "(0.25 apart)" in said
    for name, value in [
        ("evaluation random, return of episode 1", "-99.25"),
        ("iteration 1, timesteps_total", "4000"),
        ("verdict", "Lander is not solved yet"),
    ]:
        with pytest.raises(
            Problem, match=f"^NOT .*the {name} must be {expected[name]}; here it is {value}"
        ):
            verify.compare(expected, {**other, name: value}, ["update"])
    random = {**other, "evaluation random, return of episode 1": "-99.25"}
    assert verify.compare(expected, random, ["physics"]).startswith("NOT reproduced here: ")


def test_the_expected_figures_are_full_and_the_printed_ones_theirs():
    for name, iterations in (("short", verify.SHORT), ("full", None)):
        figures, printed = EXPECTED[name]["figures"], EXPECTED[name]["printed"]
        rows = [line.split() for line in printed if re.match(r" +\d", line)]
        assert len(rows) == iterations or iterations is None
        for row in rows:
            for column, key in [(2, "max"), (3, "min"), (4, "mean")]:
                value = figures[f"iteration {row[0]}, episode_reward_{key}"]
                assert row[column] == f"{float(value):.2f}"
                assert float(value) == float(repr(float(value)))
                assert repr(float(value)) == value  # no digit was cut off
        returns = [float(v) for k, v in figures.items() if k.startswith("evaluation random")]
        assert len(returns) == 100
        mean = sum(returns) / 100
        (line,) = [line for line in printed if line.startswith("random policy")]
        assert f"mean {mean:.2f}," in line


def test_the_readme_shows_the_expected_run():
    readme = (PROJECT / "README.md").read_text("utf-8")
    block = re.search(r"```console\n\$ make\n(.*?)```", readme, re.S).group(1)
    printed = iter(EXPECTED["full"]["printed"])
    for line in block.splitlines():
        assert line == "..." or line in printed  # `in` goes on from the line before
    assert next(printed, None) is None
    assert block.count("\n") > 15


def test_the_digest_is_of_the_values_and_their_names():
    one, two = np.arange(4, dtype=np.float32), np.arange(4, dtype=np.float32) + 1e-7
    digests = {
        checkpoint.digest(weights)
        for weights in (
            {"a": one, "b": two},
            {"b": two, "a": one},
            {"a": two, "b": one},
            {"a": one.reshape(2, 2), "b": two},
            {"a": one, "b": one},
        )
    }
    assert len(digests) == 4


def test_the_statistics_are_rllibs_in_full(tmp_path, monkeypatch):
    third = {
        "training_iteration": 1,
        "timesteps_total": 4096,
        "episodes_total": 7,
        "episodes_this_iter": 2,
        "episode_reward_max": 1 / 3,
        "episode_reward_min": -1e-17,
        "episode_reward_mean": float("nan"),
        "episode_len_mean": 0.1 + 0.2,
        "hist_stats": {"episode_reward": [5.0, 1 / 3, -1e-17], "episode_lengths": [70, 80, 90]},
        "time_total_s": 1.5,
        "info": {
            "learner": {
                "default_policy": {
                    "learner_stats": {"mean_q": 2.5},
                    "td_error": np.array([0.5, -3.0]),
                }
            }
        },
    }

    class Algorithm:
        exploration = type("", (), {"epsilon": staticmethod(lambda timestep: timestep / 8192)})

        def get_policy(self):
            return self

    run = Run(tmp_path, main.LANDER)
    for name in ("_save_settings", "_save_checkpoint", "_draw", "_add_to_log"):
        monkeypatch.setattr(run, name, lambda *_: None)
    run.evaluations = {5: [0.1, -2 / 3]}
    run.record(Algorithm(), third)
    run.save_evaluations(random=[7.0])
    with (tmp_path / "statistics.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert list(row.values()) == [
        *("1", "4096", "7", "0.3333333333333333", "-1e-17", "nan", "0.30000000000000004"),
        *("2.5", "1.3125", "0.5", "1.5"),  # the Huber loss: (0.5 ** 2 / 2 + 3 - 0.5) / 2
    ]
    assert (tmp_path / "episodes.csv").read_text() == (
        "iteration,return,length\n1,0.3333333333333333,80\n1,-1e-17,90\n"
    )
    assert (tmp_path / "evaluations.csv").read_text() == (
        "iteration,episode,return\n5,1,0.1\n5,2,-0.6666666666666666\nrandom,1,7.0\n"
    )
