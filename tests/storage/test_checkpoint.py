"""Checkpoints: whole or absent wherever training is killed, and enough to go on from."""

import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers import PROJECT, assert_refused, run_main
from kill import kill

import main
from starter import Problem
from starter.learning.build import get_state, set_state
from starter.storage import checkpoint
from starter.storage import folder as run_folder
from starter.storage.run import Run

ABOUT = {"environment": main.LANDER.id, "seed": 3}
# Saves without a pause: most moments are in the middle of it.
SAVE_ON = """
import itertools, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from starter.storage import checkpoint
for i in itertools.count(1):
    weights = {"layer/weights": np.full(20_000, i, np.float32)}
    training = {"buffer/obs": np.full((100_000, 8), i, np.float32)}, {"iteration": i}
    checkpoint.save(sys.argv[2], i, weights, training, environment="LunarLander-v2", seed=0)
    print(i, flush=True)
"""


@pytest.mark.slow
def test_killed_at_any_moment_the_newest_checkpoint_is_whole(tmp_path):
    moment = random.Random(0)
    halves = 0
    for number in range(15):
        folder = tmp_path / str(number)
        folder.mkdir()
        process = subprocess.Popen(
            [sys.executable, "-c", SAVE_ON, str(PROJECT), str(folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "1\n"
        time.sleep(moment.uniform(0, 0.3))
        process.kill()
        printed = [1, *map(int, process.communicate()[0].split())]
        newest = checkpoint.newest(folder)
        iteration = newest.manifest["iteration"]
        assert printed[-1] <= iteration <= printed[-1] + 1
        arrays, facts = newest.training()
        assert facts == {"iteration": iteration}
        for values in (newest.weights["layer/weights"], arrays["buffer/obs"]):
            assert (values == iteration).all()
        halves += any(folder.glob(".saving-*"))
        # What was cut short goes with the next one that is saved, and so do the older ones.
        last = checkpoint.save(folder, 10_000, newest.weights)
        assert list(folder.iterdir()) == [last]
    assert halves > 5  # it was killed where it matters


@pytest.mark.slow
def test_a_training_that_is_killed_goes_on(tmp_path):
    found = kill(3, tmp_path, seed=1, longest=2)
    saved = [0] + [iteration for _, iteration in found]
    assert all(later >= earlier + 1 for earlier, later in zip(saved, saved[1:]))
    assert len(list(tmp_path.glob("LunarLander*"))) == 1  # all in the same run's folder
    assert len(list(tmp_path.glob("LunarLander*/checkpoint_*"))) == 1


def train(run, iterations, algorithm):
    main.train(algorithm, iterations, 1e9, run)
    state = get_state(algorithm)
    algorithm.stop()
    return state


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """A training of 4 iterations, and one of 2 that another one resumed.

    Gives the state and the run of the first and of the last of them, what the checkpoint in
    between holds, and the state and the learning rate of the algorithm that resumed it.
    """
    folders = [tmp_path_factory.mktemp("output") / name for name in ("whole", "halves")]
    states = []
    evaluate, main.evaluate = main.evaluate, lambda policy, game: np.zeros(10)
    try:
        for folder, iterations in [(folders[0], 4), (folders[1], 2)]:
            folder.mkdir()
            run = Run(folder, **ABOUT)
            state = train(run, iterations, main.build_algorithm(3))
            states = states or [(state, run)]
        algorithm = main.build_algorithm(3)
        found = checkpoint.newest(folders[1])
        saved = found.training()
        run = Run(folders[1], **ABOUT)
        run.resume(algorithm, found)
        resumed = (
            get_state(algorithm),
            algorithm.get_policy().get_session().run(algorithm.get_policy().cur_lr),
        )
        states.append((train(run, 4, algorithm), run))
    finally:
        main.evaluate = evaluate
    return (*states, saved, resumed)


def test_nothing_of_the_state_is_lost(halves):
    _, _, (arrays, facts), ((resumed_arrays, resumed_facts), learning_rate) = halves
    facts = facts["algorithm"]
    assert arrays.keys() == resumed_arrays.keys()
    parts = {name.split("/")[0] for name in arrays}
    assert parts == {"network", "target", "optimizer", "buffer"}
    for name, values in arrays.items():
        np.testing.assert_array_equal(values, resumed_arrays[name], name)
    network = arrays["network/default_policy/fc_out/kernel"]
    assert (network != arrays["target/default_policy/fc_out_1/kernel"]).any()
    for name in facts:
        if name != "samplers":
            assert facts[name] == resumed_facts[name], name
    (before,), (after,) = facts["samplers"], resumed_facts["samplers"]
    assert after["exploration"] == before["exploration"]
    # It falls from 0.001 to 0.0002 in 100,000 timesteps; an update's is that of the one before.
    assert learning_rate == pytest.approx(1e-3 - 8e-4 * 8192 / 100_000, rel=1e-5)
    # Each environment has begun a new episode.
    states = [state["state"]["state"] for state in after["environments"]]
    assert len(set(states)) == 16
    assert states != [state["state"]["state"] for state in before["environments"]]


def test_two_and_two_iterations_cover_what_four_do(halves):
    ((whole, facts), run), ((resumed, resumed_facts), resumed_run), _, _ = halves
    for name in ("counters", "iteration", "global_timestep", "num_grad_updates"):
        assert facts[name] == resumed_facts[name], name
    assert resumed_facts["counters"]["num_env_steps_sampled"] == 4 * 4096
    for name in ("training_iteration", "timesteps_total", "epsilon"):
        assert [row[name] for row in run.rows] == [row[name] for row in resumed_run.rows]
    assert run.rows[:2] == [
        {**row, "time_total_s": a["time_total_s"]}
        for row, a in zip(resumed_run.rows[:2], run.rows)
    ]
    assert len(resumed["buffer/obs"]) == 4 * 4096
    for name in ("obs", "actions", "rewards", "new_obs", "dones"):
        whole_column, column = whole[f"buffer/{name}"], resumed[f"buffer/{name}"]
        np.testing.assert_array_equal(whole_column[: 2 * 4096], column[: 2 * 4096])
        assert (whole_column[2 * 4096 :] != column[2 * 4096 :]).any()  # other episodes
    iterations = [episode[0] for episode in resumed_run.episodes]
    assert iterations == sorted(iterations)
    assert len(iterations) == resumed_run.rows[-1]["episodes_total"]


@pytest.mark.slow
def test_what_was_learned_does_not_collapse(tmp_path, monkeypatch):
    """The episodes and the losses after a resume are like those before it."""
    monkeypatch.setattr(main, "evaluate", lambda policy, game: np.zeros(10))
    run = Run(tmp_path, **ABOUT)
    algorithm = main.build_algorithm(3)
    main.train(algorithm, 10, 1e9, run)
    algorithm.stop()
    before = np.mean([episode[1] for episode in run.episodes[-40:]])
    resumed = main.build_algorithm(3)
    run = Run(tmp_path, **ABOUT)
    run.resume(resumed, checkpoint.newest(tmp_path))
    losses = [row["loss"] for row in run.rows[5:]]
    main.train(resumed, 12, 1e9, run)
    resumed.stop()
    after = np.mean([episode[1] for episode in run.episodes if episode[0] > 10])
    assert before > -150  # it has learned something: a random policy has -190
    assert after > before - 40
    assert max(row["loss"] for row in run.rows[10:]) < 3 * max(losses)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A run of one iteration by the command line."""
    output = tmp_path_factory.mktemp("once")
    done = run_main("--iterations", 1, "--seed", 3, "--render", "none", "--output", output)
    assert done.returncode == 0, done.stderr
    return output


def test_resuming_by_the_command_line(once):
    flags = ["--resume", "--render", "none", "--output", once]
    assert_refused(run_main(*flags, "--iterations", 1), "has 1 iterations; give --iterations more")
    assert_refused(run_main(*flags, "--seed", 4), "has seed 3; leave --seed out")
    done = run_main(*flags, "--iterations", 2)
    assert done.returncode == 0, done.stderr
    (folder,) = once.glob("LunarLander*")
    assert f"saved {folder}/checkpoint_000002\n" in done.stdout
    assert "\n        2      8,192 " in done.stdout
    assert "\n        1      4,096 " not in done.stdout


def test_the_newest_run_is_shown_without_naming_it(once, tmp_path):
    flags = ["--episodes", 1, "--render", "none", "--output", tmp_path]
    (folder,) = once.glob("LunarLander*")
    shown = [
        run_main("--from-checkpoint", path, *flags).stdout
        for path in (once / "latest", folder, next(folder.glob("checkpoint_*")))
    ]
    assert shown[0].startswith("episode 1: return")
    assert shown[0] == shown[1] == shown[2]
    assert_refused(run_main("--resume", *flags), "there is no folder", "latest")


def test_latest_leads_to_the_newest_run(tmp_path, monkeypatch):
    runs = [tmp_path / name for name in ("one", "two", "three")]
    for run in runs[:2]:
        run.mkdir()
        run_folder.name_latest(run)
        assert run_folder.follow(tmp_path / "latest") == run
        assert os.readlink(tmp_path / "latest") == run.name  # it may be moved as a whole

    def no_links(*arguments, **named):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "symlink", no_links)
    monkeypatch.setattr(type(tmp_path), "symlink_to", no_links)
    runs[2].mkdir()
    run_folder.name_latest(runs[2])
    assert not (tmp_path / "latest").is_symlink()
    assert run_folder.follow(tmp_path / "latest") == runs[2]


def test_a_damaged_checkpoint_gives_way_to_an_older_one(tmp_path):
    weights = {"a": np.ones(3, np.float32)}
    checkpoint.save(tmp_path, 4, weights, **ABOUT)
    old = tmp_path / "checkpoint_000004"
    old.rename(tmp_path / "kept")
    new = checkpoint.save(tmp_path, 5, weights, **ABOUT)
    (tmp_path / "kept").rename(old)
    assert checkpoint.newest(tmp_path).path == new
    (new / "policy.npz").write_bytes(b"cut short")
    assert checkpoint.newest(tmp_path).path == old
    (old / "policy.npz").unlink()
    with pytest.raises(Problem, match=r"is damaged: policy\.npz is cut short or changed"):
        checkpoint.newest(tmp_path)


def test_a_policy_alone_cannot_be_trained_on(tmp_path):
    checkpoint.save(tmp_path, 4, {"a": np.ones(3, np.float32)}, **ABOUT)
    with pytest.raises(Problem, match="holds a policy to show, and no training"):
        checkpoint.newest(tmp_path).training()


def test_a_run_without_its_figures_is_refused(halves, tmp_path):
    algorithm = main.build_algorithm(3)
    found = checkpoint.Checkpoint(halves[1][1].saved)
    (tmp_path / "statistics.csv").write_text("training_iteration,timesteps_total\n1")
    with pytest.raises(Problem, match="has no whole CSV files to go on with"):
        Run(tmp_path, **ABOUT).resume(algorithm, found)
    algorithm.stop()


def test_another_network_or_memory_is_refused(halves):
    (arrays, facts), _ = halves[0]
    algorithm = main.build_algorithm(3)
    name = "network/default_policy/fc_out/bias"
    with pytest.raises(Problem, match=r"other layers than main\.py's"):
        set_state(algorithm, {**arrays, name: arrays[name][:-1]}, facts)
    older = {name: fact for name, fact in facts.items() if name != "samplers"}
    with pytest.raises(Problem, match="an older version's of this project: train anew"):
        set_state(algorithm, arrays, older)
    algorithm.local_replay_buffer.capacity = 1000
    with pytest.raises(Problem, match=r"larger than main\.py's"):
        set_state(algorithm, arrays, facts)
    algorithm.stop()
