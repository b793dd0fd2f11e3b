"""Resuming a training: nothing that was saved is lost, and what does not fit is refused."""

import csv
import random
import shutil
import time

import numpy as np
import pytest
from helpers import assert_refused, run_here
from helpers.processes import Run as Process

import main
from scripts import train, watch
from starter.environments.environment import load
from starter.storage import checkpoint, settings
from starter.storage.run import Run
from starter.storage.training_state import get_state
from starter.trained import load as load_trained

QUIET = ["--render", "none", "--episodes", 1]


@pytest.fixture()
def copy(trained, tmp_path):
    """Return a copy of the output of two iterations with seed 3, to be resumed at will."""
    return shutil.copytree(trained[0], tmp_path / "runs", symlinks=True)


def table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def edited(monkeypatch, buffer=(), **changes):
    """Edit `main.configure`, as a reader would."""
    configure = main.configure

    def changed(seed, environment):
        config = configure(seed, environment)
        buffer_config = {**config.replay_buffer_config, **dict(buffer)}
        return config.training(replay_buffer_config=buffer_config, **changes)

    monkeypatch.setattr(main, "configure", changed)


def test_what_was_saved_is_what_training_resumes_from(copy):
    found = checkpoint.newest(copy)
    arrays, facts = found.training()
    # The target network equals the network when an iteration ends; here it must not.
    arrays = {name: a + name.startswith("target") for name, a in arrays.items()}
    found = checkpoint.newest(checkpoint.save(copy, 2, found.weights, (arrays, facts)))
    timesteps = facts["algorithm"]["counters"]["num_env_steps_sampled"]
    config = train.configure((3, 2), load("LunarLander-v2"), 0)
    algorithm = config.training(lr_schedule=[[0, 0.02], [2 * timesteps, 0.01]]).build()
    fresh = get_state(algorithm)[0]
    run = Run(copy)
    run.resume(algorithm, found)
    resumed, resumed_facts = get_state(algorithm)
    policy = algorithm.get_policy()
    learning_rate = policy.get_session().run(policy.cur_lr)
    algorithm.stop()

    assert resumed_facts == facts["algorithm"]
    parts = {name.split("/")[0] for name in arrays}
    assert parts == {"network", "average", "target", "optimizer", "buffer"}
    assert arrays.keys() == resumed.keys()
    for name, values in arrays.items():
        np.testing.assert_array_equal(values, resumed[name], name)
    for name in fresh:  # by the resume, not by the build
        assert name.endswith("bias") or (fresh[name] != resumed[name]).any(), name
    assert learning_rate == pytest.approx(0.015)
    assert run.best.weights.keys() == found.weights.keys()
    assert run.best.iteration == facts["best"]["iteration"]


def test_a_resumed_training_continues_the_same_run(copy, monkeypatch):
    (folder,) = copy.glob("LunarLander*")
    names = ("statistics", "episodes", "evaluations")
    before = {name: table(folder / f"{name}.csv") for name in names}
    old = checkpoint.newest(folder).training()[0]
    edited(monkeypatch, gamma=0.9)
    done = run_here(train.train, "--resume", *QUIET, "--output", copy, "--iterations", 3)
    assert done.returncode == 0, done.stderr
    assert "resuming with other settings than before: gamma=0.9" in done.stdout.splitlines()[0]
    assert f"saved {folder}/checkpoint_000003.npz\n" in done.stdout
    assert list(copy.glob("LunarLander*")) == [folder]
    assert [path.name for path in folder.glob("checkpoint_*")] == ["checkpoint_000003.npz"]

    after = {name: table(folder / f"{name}.csv") for name in names}
    assert after["statistics"][:2] == before["statistics"]
    (row,) = after["statistics"][2:]
    timesteps = [int(row["timesteps_total"]) for row in after["statistics"]]
    assert timesteps[2] - timesteps[1] == timesteps[1] - timesteps[0]
    count = len(before["episodes"])
    assert after["episodes"][:count] == before["episodes"]
    assert {row["iteration"] for row in after["episodes"][count:]} == {"3"}
    assert len(after["episodes"]) == int(row["episodes_total"])
    # New random numbers: other episodes than those that the seed began with.
    heights = checkpoint.newest(folder).training()[0]["buffer/obs"][:, 1]
    np.testing.assert_array_equal(heights[: timesteps[1]], old["buffer/obs"][:, 1])
    assert not np.isin(heights[:16], heights[timesteps[1] :][:16]).any()


@pytest.mark.parametrize(
    ("flags", "changes", "words"),
    [
        (["--iterations", 2], {}, "has 2 iterations; set --iterations to more"),
        (["--seed", 0], {}, "trained with --seed 3; leave --seed out"),
        (["--env", "CartPole-v1"], {}, "trained on LunarLander-v2, not CartPole-v1"),
        (["--env-arg", "gravity=-5.0"], {}, "leave --env-arg out"),
        (["--action-repeat", 1], {}, "with --action-repeat 2; leave --action-repeat out"),
        (["--from-checkpoint", "nowhere"], {}, "there is no whole checkpoint in nowhere"),
        ([], {"hiddens": [32]}, "another network: default_policy/"),
        ([], {"buffer": {"capacity": 1000}}, "more than the capacity of 1,000 here"),
    ],
)
def test_what_cannot_be_resumed_is_refused(flags, changes, words, copy, monkeypatch):
    edited(monkeypatch, **changes)
    before = sorted(copy.rglob("*"))
    assert_refused(run_here(train.train, "--resume", *QUIET, "--output", copy, *flags), words)
    assert sorted(copy.rglob("*")) == before
    assert checkpoint.newest(copy).manifest["iteration"] == 2


def test_an_edited_run_is_told_apart_and_watched_as_it_was_trained(tmp_path, monkeypatch):
    flags = [*QUIET, "--output", tmp_path, "--seed", 5]
    model = {"fcnet_hiddens": [9], "fcnet_activation": "tanh"}
    with monkeypatch.context() as edit:
        edited(edit, {"reward_scale": 1}, gamma=np.float32(0.5), n_step=np.int64(7), model=model)
        done = run_here(train.train, "--env", "CartPole-v1", "--iterations", 1, *flags)
        assert done.returncode == 0, done.stderr
    shown = run_here(watch.watch, *flags)
    assert shown.returncode == 0, shown.stderr
    pilot, _, found, trained_with = load_trained(tmp_path)
    changed = 'gamma=0.5 fcnet_activation="tanh" fcnet_hiddens=[9] n_step=7 reward_scale=1'
    heading, episode = shown.stdout.splitlines()
    assert heading == (f"{found.path}: CartPole-v1, seed 5, 1 iterations, trained with {changed}")
    assert f"\n{episode}\n" in done.stdout
    assert "-seed5-gamma=0.5-fcnet_activation=-tanh-fcnet_hid" in found.path.parent.name
    config = pilot.policy.config
    assert (config["gamma"], config["replay_buffer_config"]["reward_scale"]) == (0.5, 1)
    assert settings.differences(trained_with, {**trained_with, "n_step": 3}) == "n_step=7"


@pytest.mark.slow
def test_a_training_that_is_killed_is_resumed(tmp_path):
    moment, saved = random.Random(1), 0
    flags = ["--iterations", 1000, "--stop-reward", 1e9, "--render", "none", "--output", tmp_path]
    for number in range(3):
        with Process(*flags, *["--resume"] * (number > 0)) as process:
            process.wait_for_iteration(saved + 2)  # one of its own is saved
            time.sleep(moment.uniform(0, 2))
            process.process.kill()
            process.end()
        newest = checkpoint.newest(tmp_path)
        facts = newest.training()[1]
        saved = newest.manifest["iteration"]
        assert saved >= max(process.iterations()) - 1
        assert facts["algorithm"]["iteration"] == saved
        assert [row["training_iteration"] for row in facts["rows"]] == [*range(1, saved + 1)]
        assert list(tmp_path.glob("LunarLander*")) == [newest.path.parent]  # the same run
