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
from starter import trained as policies
from starter.environments.environment import load
from starter.storage import checkpoint, settings
from starter.storage.run import Run
from starter.storage.training_state import get_state

QUIET = ["--render", "none", "--episodes", 1]
KILLS = int(os.environ.get("KILLS", 3))
LANDER = load("LunarLander-v2", action_repeat=2)


@pytest.fixture()
def copy(trained, tmp_path):
    """Return a copy of the output of two iterations with seed 3, to be resumed at will."""
    return shutil.copytree(trained[0], tmp_path / "runs", symlinks=True)


def table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def edited(monkeypatch, buffer=(), **changes):
    """Edit lines of `main.configure`, as an experiment does."""
    configure = main.configure

    def changed(seed, environment):
        config = configure(seed, environment)
        buffer_config = {**config.replay_buffer_config, **dict(buffer)}
        return config.training(replay_buffer_config=buffer_config, **changes)

    monkeypatch.setattr(main, "configure", changed)


def test_what_was_saved_is_what_training_resumes_from(copy):
    found = checkpoint.newest(copy)
    arrays, facts = found.training()
    # RLlib has the target network follow the network; they are equal when an iteration ends.
    arrays = {name: a + name.startswith("target") for name, a in arrays.items()}
    manifest = {name: found.manifest[name] for name in checkpoint.KEYS if name != "files"}
    found = checkpoint.Checkpoint(
        checkpoint.save(copy, weights=found.weights, training=(arrays, facts), **manifest)
    )
    timesteps = facts["algorithm"]["counters"]["num_env_steps_sampled"]
    config = train.configure((3, 2), LANDER, 0)
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
    assert f"saved {folder}/checkpoint_000003\n" in done.stdout
    assert list(copy.glob("LunarLander*")) == [folder]
    assert [path.name for path in folder.glob("checkpoint_*")] == ["checkpoint_000003"]

    after = {name: table(folder / f"{name}.csv") for name in names}
    assert after["statistics"][:2] == before["statistics"]
    (row,) = after["statistics"][2:]
    timesteps = [int(row["timesteps_total"]) for row in after["statistics"]]
    assert timesteps[2] - timesteps[1] == timesteps[1] - timesteps[0]
    assert float(row["time_total_s"]) > float(before["statistics"][1]["time_total_s"])
    count = len(before["episodes"])
    assert after["episodes"][:count] == before["episodes"]
    assert {row["iteration"] for row in after["episodes"][count:]} == {"3"}
    assert len(after["episodes"]) == int(row["episodes_total"])
    flown = [row for row in before["evaluations"] if row["iteration"].isdigit()]
    assert after["evaluations"][: len(flown)] == flown
    # New random numbers: other episodes than those that the seed began with.
    heights = checkpoint.newest(folder).training()[0]["buffer/obs"][:, 1]
    np.testing.assert_array_equal(heights[: timesteps[1]], old["buffer/obs"][:, 1])
    assert not np.isin(heights[:16], heights[timesteps[1] :][:16]).any()


@pytest.mark.parametrize(
    ("flags", "changes", "words"),
    [
        (["--iterations", 2], {}, "has 2 iterations; set --iterations to more"),
        (["--seed", 0], {}, "trained with --seed 3; leave --seed out"),
        (["--env", "CartPole-v1"], {}, "learned LunarLander-v2, not CartPole-v1"),
        (["--env-arg", "gravity=-5.0"], {}, "leave --env-arg out"),
        (["--action-repeat", 1], {}, "with --action-repeat 2; leave --action-repeat out"),
        (["--from-checkpoint", "nowhere"], {}, "there is no checkpoint in nowhere"),
        ([], {"hiddens": [32]}, "another network: its default_policy/"),
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
    flags = [*QUIET, "--output", tmp_path]
    with monkeypatch.context() as edit:
        edited(edit, gamma=0.9, hiddens=[32], buffer={"reward_scale": 1})
        done = run_here(main.main, "--iterations", 1, "--seed", 5, *flags)
        assert done.returncode == 0, done.stderr
    found = checkpoint.newest(tmp_path)
    assert "-seed5-" in found.path.parent.name
    assert "gamma=0.9-hiddens=-32-reward_scale=1-" in found.path.parent.name
    shown = run_here(watch.watch, *flags, "--seed", 5)
    assert shown.returncode == 0, shown.stderr
    heading, episode = shown.stdout.splitlines()
    assert heading.startswith(f"{found.path}: LunarLander-v2, seed 5, 1 iterations, trained with ")
    assert heading.endswith("gamma=0.9 hiddens=[32] reward_scale=1")
    assert f"\n{episode}\n" in done.stdout
    policy = policies.load(tmp_path).pilot.policy
    assert policy.config["replay_buffer_config"]["reward_scale"] == 1
    assert policy.config["gamma"] == 0.9
    for name, values in policy.get_weights().items():
        np.testing.assert_array_equal(values, found.weights[name])


def test_a_policy_is_shown_with_what_it_was_trained_with(tmp_path):
    shipped = settings.from_config(main.configure(0, LANDER))
    assert settings.from_config(main.configure(1, LANDER)) == shipped  # the seed is no setting
    model = {"fcnet_hiddens": [9], "fcnet_activation": "tanh"}
    edit = main.configure(0, LANDER).training(
        gamma=np.float32(0.5), n_step=np.int64(7), noisy=True, model=model
    )
    settings.write(tmp_path, edit, flags={"stop_reward": np.float32(195)})
    assert settings.read(tmp_path)["flags"] == {"stop_reward": 195}
    trained = settings.read(tmp_path)["algorithm"]
    assert {"gamma": 0.5, "n_step": 7}.items() <= trained.items()  # numbers of JSON
    assert settings.differences(trained, {**trained, "n_step": 3, "noisy": False}) == (
        "n_step=7 noisy=true"
    )
    config = settings.apply_network(main.configure(0, LANDER), trained)
    assert (config.gamma, config.noisy, config.n_step) == (0.5, True, shipped["n_step"])
    assert model.items() <= config.model.items()
    # Whichever of the two was edited.
    assert settings.from_config(settings.apply_network(config, shipped)) == shipped


@pytest.mark.slow
def test_a_training_that_is_killed_is_resumed(tmp_path):
    """`KILLS=50` kills more often."""
    moment, saved = random.Random(1), 0
    flags = ["--iterations", 1000, "--stop-reward", 1e9, "--render", "none", "--output", tmp_path]
    for number in range(KILLS):
        with Process(*flags, *["--resume"] * (number > 0)) as process:
            process.wait_for_iteration(saved + 2)  # one of its own is saved
            if number:  # nobody else may resume it meanwhile
                assert_refused(run_here(train.train, *flags, "--resume"), "another process")
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
