"""Resuming a training: nothing that was saved is lost, and what does not fit is refused."""

import csv
import os
import random
import shutil
import time

import numpy as np
import pytest
from helpers import assert_refused, run_here
from helpers.processes import Run as Process

import main
from scripts import train, watch
from starter.environments.environment import Environment
from starter.learning.build import build
from starter.storage import checkpoint, settings
from starter.storage.run import Run
from starter.storage.training_state import get_state

QUIET = ["--render", "none", "--episodes", 1]
KILLS = int(os.environ.get("KILLS", 3))


@pytest.fixture()
def copy(trained, tmp_path):
    """Return a copy of the output of two iterations with seed 3, to be resumed at will."""
    return shutil.copytree(trained[0], tmp_path / "runs", symlinks=True)


@pytest.fixture()
def no_evaluation(monkeypatch):
    monkeypatch.setattr(main, "evaluate", lambda *_: np.zeros(10))


def table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_what_was_saved_is_what_training_resumes_from(copy, monkeypatch):
    found = checkpoint.newest(copy / "latest")
    arrays, facts = found.training()
    # RLlib has the target network follow the network; after these two iterations they are equal.
    arrays = {name: a + name.startswith("target") for name, a in arrays.items()}
    monkeypatch.setattr(found, "training", lambda: (arrays, facts))
    algorithm = build(train.configure((3, 2), main.LANDER, 0))
    policy = algorithm.get_policy()
    fresh = get_state(algorithm)[0]
    run = Run(found.path.parent, main.LANDER)
    run.resume(algorithm, found)
    resumed, resumed_facts = get_state(algorithm)
    learning_rate = policy.get_session().run(policy.cur_lr)
    algorithm.stop()

    assert resumed_facts == facts["algorithm"]
    assert resumed_facts["counters"]["num_env_steps_sampled"] == 2 * 4096
    assert arrays.keys() == resumed.keys()
    parts = {name.split("/")[0] for name in arrays}
    assert parts == {"network", "average", "target", "optimizer", "buffer"}
    for name, values in arrays.items():
        np.testing.assert_array_equal(values, resumed[name], name)
    for name in fresh:  # by the resume, not by the build
        assert name.endswith("bias") or (fresh[name] != resumed[name]).any(), name
    assert len(arrays["buffer/obs"]) == 2 * 4096
    # It falls from 0.003 to 0.001 in 40,000 timesteps; an update's is that of the one before.
    assert learning_rate == pytest.approx(3e-3 - 2e-3 * 8192 / 40_000, rel=1e-5)
    assert run.weights.keys() == found.weights.keys()
    assert run.best == 2
    assert list(run.evaluations) == [2]  # not `random`, which is written anew


def test_a_resumed_training_continues_the_same_run(copy, monkeypatch, no_evaluation):
    (folder,) = copy.glob("LunarLander*")
    names = ("statistics", "episodes", "evaluations")
    before = {name: table(folder / f"{name}.csv") for name in names}
    old = checkpoint.newest(folder).training()[0]
    edited(monkeypatch, gamma=0.9)
    done = run_here(train.train, "--resume", *QUIET, "--output", copy, "--iterations", 3)
    assert done.returncode == 0, done.stderr
    assert "\n        3     12,288 " in done.stdout
    assert "\n        2      8,192 " not in done.stdout
    assert f"saved {folder}/checkpoint_000003\n" in done.stdout
    assert done.stdout.startswith("resuming with other settings than before: gamma=0.9\n")
    assert list(copy.glob("LunarLander*")) == [folder]
    assert [path.name for path in folder.glob("checkpoint_*")] == ["checkpoint_000003"]

    after = {name: table(folder / f"{name}.csv") for name in names}
    assert after["statistics"][:2] == before["statistics"]
    (row,) = after["statistics"][2:]
    assert (row["training_iteration"], row["timesteps_total"]) == ("3", "12288")
    assert float(row["epsilon"]) == 0.15  # from timestep 10,000 on
    assert float(row["time_total_s"]) > float(before["statistics"][1]["time_total_s"])
    count = len(before["episodes"])
    assert after["episodes"][:count] == before["episodes"]
    assert {row["iteration"] for row in after["episodes"][count:]} == {"3"}
    assert len(after["episodes"]) == int(row["episodes_total"])
    evaluated = [row["iteration"] for row in after["evaluations"]]
    assert evaluated == sorted(evaluated)
    assert set(evaluated) == {"2", "3", "random"}
    assert after["evaluations"][:100] == before["evaluations"][:100]
    assert evaluated.count("2") == 100

    arrays, facts = checkpoint.newest(folder).training()
    assert facts["algorithm"]["counters"]["num_env_steps_trained"] == 16 * (3 * 4096 - 512)
    for name in ("obs", "actions", "rewards", "new_obs", "dones"):
        column = arrays[f"buffer/{name}"]
        assert len(column) == 3 * 4096
        np.testing.assert_array_equal(column[: 2 * 4096], old[f"buffer/{name}"])
    # New random numbers: other episodes than those that the seed began with.
    first = arrays["buffer/obs"][:16, 3]  # the vertical speed of the 16 environments
    assert not np.isin(first, arrays["buffer/obs"][2 * 4096 :][:16, 3]).any()


def edited(monkeypatch, buffer=(), **changes):
    """Edit lines of `main.configure`, as an experiment does; return the seeds that it gets."""
    configure, seeds = main.configure, []

    def changed(seed, environment=main.LANDER):
        seeds.append(seed)
        config = configure(seed, environment)
        buffer_config = {**config.replay_buffer_config, **dict(buffer)}
        return config.training(replay_buffer_config=buffer_config, **changes)

    monkeypatch.setattr(main, "configure", changed)
    return seeds


@pytest.mark.parametrize(
    ("flags", "changes", "words"),
    [
        (["--iterations", 2], {}, "has 2 iterations; set --iterations to more"),
        (["--seed", 4], {}, "has seed 3; leave --seed out"),
        (["--env", "CartPole-v1"], {}, "learned LunarLander-v2, not CartPole-v1"),
        (["--env-arg", "gravity=-5.0"], {}, "leave --env-arg out"),
        (["--action-repeat", 1], {}, "with action repeat 2; leave --action-repeat out"),
        (["--from-checkpoint", "nowhere"], {}, "there is no folder nowhere"),
        ([], {"hiddens": [32]}, "other layers than main.py's"),
        ([], {"buffer": {"capacity": 1000}}, "buffer is larger than main.py's"),
        ([], {"csv": "training_iteration,timesteps_total\n1"}, "has no complete CSV files"),
    ],
)
def test_what_cannot_be_resumed_is_refused(flags, changes, words, copy, monkeypatch):
    if "csv" in changes:
        (copy / "latest" / "statistics.csv").write_text(changes["csv"])
    elif changes:
        edited(monkeypatch, **changes)
    before = sorted(copy.rglob("*"))
    assert_refused(run_here(train.train, "--resume", *QUIET, "--output", copy, *flags), words)
    assert sorted(copy.rglob("*")) == before
    assert checkpoint.newest(copy / "latest").manifest["iteration"] == 2


@pytest.mark.parametrize(("flags", "times"), [((), 3), (("--action-repeat", 1), 1)])
def test_the_action_repeat_is_main_pys_or_the_flags(
    flags, times, tmp_path, monkeypatch, no_evaluation
):
    monkeypatch.setattr(main, "LANDER", Environment("LunarLander-v2", action_repeat=3))
    done = run_here(train.train, "--iterations", 1, *flags, *QUIET, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert checkpoint.newest(tmp_path / "latest").manifest["action_repeat"] == times


def test_an_edited_run_is_told_apart_and_watched_as_it_was_trained(
    tmp_path, monkeypatch, no_evaluation
):
    flags = [*QUIET, "--output", tmp_path]
    with monkeypatch.context() as edit:
        seeds = edited(edit, gamma=0.9, hiddens=[32], buffer={"reward_scale": 1})
        done = run_here(main.main, "--iterations", 1, "--seed", 5, *flags)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("\nepisode ") == len(seeds) == 1
        assert seeds == [5]
    found = checkpoint.newest(tmp_path / "latest")
    assert "-seed5-gamma=0.9-hiddens=-32-reward_scale=1-" in found.path.parent.name
    shown = run_here(watch.watch, *flags)
    assert shown.returncode == 0, shown.stderr
    heading, episode = shown.stdout.splitlines()
    assert heading.endswith("1 iterations, trained with gamma=0.9 hiddens=[32] reward_scale=1")
    assert episode.startswith("episode 1: return ")
    policy = watch.load_policy(found, main.LANDER)
    assert policy.config["replay_buffer_config"]["reward_scale"] == 1
    assert policy.config["gamma"] == 0.9
    for name, values in policy.get_weights().items():
        np.testing.assert_array_equal(values, found.weights[name])


def test_a_run_of_the_shipped_settings_is_named_after_its_seed_alone(trained):
    (folder,) = trained[0].glob("LunarLander*")
    name, _, date = folder.name.partition("-seed3-")
    assert (name, len(date)) == ("LunarLander-v2", len("20261124-193108"))


def test_settings_are_compared_by_name():
    shipped = settings.of(main.configure(0))
    assert settings.differences(shipped) == ""
    assert settings.differences(settings.of(main.configure(1))) == ""
    model = {"fcnet_hiddens": [9], "fcnet_activation": "tanh", "use_lstm": True}
    own = settings.of(main.configure(0).training(gamma=0.9, n_step=1, noisy=True, model=model))
    assert (
        settings.differences(own, {**own, "n_step": 3, "hiddens": [8]}) == "hiddens=[64] n_step=1"
    )
    # Whichever of the two is edited, a policy is shown with what it was trained with.
    config = settings.apply_network(main.configure(0), own)
    assert (config.gamma, config.noisy, config.n_step) == (0.9, True, 3)
    assert model.items() <= config.model.items()
    config = settings.apply_network(config, shipped)
    assert settings.of(config) == shipped
    assert settings.apply_network(config, {}) is config  # a checkpoint alone


def test_a_run_is_watched_as_it_flew_whichever_way_it_is_named(trained, tmp_path):
    output, done = trained
    (folder,) = output.glob("LunarLander*")
    (path,) = folder.glob("checkpoint_*")
    assert {checkpoint.newest(p).path for p in (output / "latest", folder, path)} == {path}
    flags = ["--from-checkpoint", output / "latest", *QUIET, "--output", tmp_path]
    shown, other = (run_here(watch.watch, *flags, "--seed", seed) for seed in (3, 4))
    assert shown.returncode == 0, shown.stderr
    heading, episode = shown.stdout.splitlines()
    assert heading == f"{path}: LunarLander-v2, seed 3, 2 iterations"
    assert f"\n{episode}\n" in done.stdout
    assert other.stdout.splitlines()[0] == heading
    assert other.stdout.splitlines()[1] != episode
    assert list(tmp_path.iterdir()) == []  # nothing was drawn
    assert_refused(run_here(watch.watch, "--output", tmp_path), "there is no folder", "latest")


@pytest.mark.slow
def test_a_training_that_is_killed_is_resumed(tmp_path):
    """`KILLS=50` kills more often."""
    moment, saved = random.Random(1), 0
    flags = ["--iterations", 1000, "--stop-reward", 1e9, "--render", "none", "--output", tmp_path]
    for number in range(KILLS):
        with Process(*flags, *["--resume"] * (number > 0)) as process:
            process.wait_for_iteration(saved + 2)  # one of its own is saved
            time.sleep(moment.uniform(0, 2))
            process.process.kill()
            process.end()
        newest = checkpoint.newest(tmp_path / "latest")
        arrays, facts = newest.training()
        saved = newest.manifest["iteration"]
        assert saved >= max(process.iterations()) - 1
        assert facts["algorithm"]["iteration"] == saved
        assert facts["algorithm"]["counters"]["num_env_steps_sampled"] == 4096 * saved
        assert len(arrays["buffer/obs"]) == min(4096 * saved, 50_000)
        rows = [
            int(r["training_iteration"]) for r in table(newest.path.with_name("statistics.csv"))
        ]
        assert rows == [*range(1, len(rows) + 1)]
        assert len(rows) >= saved
        assert list(tmp_path.glob("LunarLander*")) == [newest.path.parent]  # the same run
