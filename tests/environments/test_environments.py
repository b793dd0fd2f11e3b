"""Other environments than the lander: one description, and the same environment from it."""

import inspect
import json
import re
import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from helpers import assert_refused, run_main
from ray import cloudpickle

import main
import starter
from starter import Problem
from starter.environments.environment import Environment
from starter.learning.adapter import GymnasiumAdapter

WRAPPED = gymnasium.wrappers.TimeAwareObservation.wrapper_spec()
gymnasium.register(
    "Wrapped-v0",
    "helpers.broken:Fine",
    max_episode_steps=6,
    reward_threshold=3,
    order_enforce=False,
    additional_wrappers=(WRAPPED,),
)
gymnasium.register("Kwargs-v0", "helpers.broken:Returns", max_episode_steps=5, kwargs={"after": 1})
SAME = [
    ("CartPole-v1", {}, 500),
    ("CartPole-v1", {"max_episode_steps": 9}, 9),
    ("helpers.broken:Short-v0", {}, 7),
    ("helpers.broken:Short-v0", {"max_episode_steps": 4}, 4),
    ("helpers.broken:Kwargs-v0", {"reward": 2.0}, 5),
    ("helpers.broken:Wrapped-v0", {}, 6),
    ("helpers.broken:Endless-v0", {}, 10_000),
    ("examples/autoscaler.py:Autoscaler-v0", {"bursts": False}, 288),
    ("examples/torques.py:Torques-v0", {"g": 5.0}, 200),  # the limit of the wrapped Pendulum
]


def compared(env):
    """All that one environment must have in common with another one, as a line."""
    spec = dict(vars(env.spec))
    spec["kwargs"].pop("render_mode", None)
    entry_point = spec.pop("entry_point")
    name = getattr(entry_point, "__qualname__", entry_point)
    return repr((name, sorted(spec.items()), env.observation_space, env.action_space))


@pytest.mark.parametrize(("id", "arguments", "limit"), SAME)
def test_training_evaluation_and_watching_make_the_same_environment(id, arguments, limit):
    environment = Environment(id, arguments)
    training = GymnasiumAdapter(environment.config).env
    evaluation = environment.make()
    same = [compared(training), compared(evaluation)]
    if environment.can_be_drawn:
        same.append(compared(environment.make("rgb_array")))
    assert len(set(same)) == 1
    assert evaluation.spec.max_episode_steps == limit
    kept = {**evaluation.spec.kwargs, "max_episode_steps": limit}
    assert {**kept, **arguments} == kept
    registered = gymnasium.spec(id.rpartition(":")[2])
    assert evaluation.spec.reward_threshold == registered.reward_threshold
    if limit < 300 and id != "CartPole-v1":
        for env in (training, evaluation):
            env.reset(seed=0)
            ends = [any(env.step(env.action_space.n - 1)[2:4]) for _ in range(limit)]
            assert ends == [False] * (limit - 1) + [True]


RECEIVE = f"""{inspect.getsource(compared)}
import importlib.util, pickle, sys
for name in ("helpers", "starter", "autoscaler", "torques", "examples"):
    assert not importlib.util.find_spec(name), name
for make, config in pickle.load(sys.stdin.buffer):
    print(compared(make(config).env))
"""


def test_workers_that_lack_the_users_file_make_the_same_environment():
    """Sent as Ray sends it, to a process that finds neither the file nor this project."""
    environments = [Environment(id, arguments) for id, arguments, _ in SAME]
    names = {name for environment in environments for name in environment.modules}
    modules = [starter, *(sys.modules[name] for name in names)]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        sent = cloudpickle.dumps([(GymnasiumAdapter, one.config) for one in environments])
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)
    done = subprocess.run([sys.executable, "-I", "-c", RECEIVE], input=sent, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    expected = [compared(environment.make()) for environment in environments]
    assert done.stdout.decode().splitlines() == expected


def test_a_worker_sends_the_traceback_with_the_problem():
    with pytest.raises(Problem) as caught:
        Environment("helpers.broken:Raises-v0")
    received = cloudpickle.loads(cloudpickle.dumps(caught.value))
    assert (str(received), received.traceback) == (str(caught.value), caught.value.traceback)


def test_what_is_known_of_an_environment():
    cart, lander = Environment("CartPole-v1"), Environment("LunarLander-v2")
    assert (cart.solved, lander.solved) == (475, 200)
    assert Environment("helpers.broken:Fine-v0").solved is None
    assert cart.frames_per_second == gymnasium.make("CartPole-v1").metadata["render_fps"]
    assert Environment("helpers.broken:OddSpeed-v0").frames_per_second == 30
    assert list(cart.actions) == ["action 0", "action 1"]
    assert lander.actions[2] == "main engine"
    assert Environment("helpers.broken:Named-v0").actions == ["stay", "go"]
    assert cart.verdict(np.zeros(4), True, 500.0) == "time limit +500"
    assert cart.verdict(np.zeros(4), False, 21.0) == "ended +21"
    assert Environment("helpers.broken:Fine-v0").can_be_drawn is False
    assert Environment("helpers.broken:Draws-v0").can_be_drawn is True


@pytest.mark.parametrize(
    ("id", "notes"),
    [
        ("LunarLander-v2", []),
        ("CartPole-v1", []),
        ("Acrobot-v1", []),
        ("MountainCar-v0", []),
        ("examples/autoscaler.py:Autoscaler-v0", []),
        ("FrozenLake-v1", ["observation: Discrete(16), flattened to 16 numbers"]),
        ("helpers.broken:Endless-v0", ["time limit: 10,000 of its own timesteps, "]),
    ],
)
def test_a_line_says_what_is_worth_knowing_before_training(id, notes):
    found = Environment(id).notes
    assert len(found) == len(notes)
    assert all(line.startswith(note) for line, note in zip(found, notes))


def test_a_wrapper_offers_a_few_values_of_a_continuous_action():
    environment = Environment("examples/torques.py:Torques-v0")
    env = environment.make()
    env.reset(seed=0)
    torques = []
    for action in range(env.action_space.n):
        env.step(action)
        torques.append(float(env.unwrapped.last_u))
    assert torques == [-2.0, -0.5, 0.0, 0.5, 2.0]
    assert environment.actions == ["-2 N m", "-0.5 N m", "+0 N m", "+0.5 N m", "+2 N m"]


@pytest.mark.parametrize("times", [1, 2, 3])
def test_the_lander_is_left_as_it_is_but_for_repeated_actions(times):
    environment = Environment("LunarLander-v2", action_repeat=times)
    assert environment.frames_per_second == 50 / times
    ours, theirs = environment.make(), gymnasium.make("LunarLander-v2")
    assert ours.reset(seed=7)[0].tobytes() == theirs.reset(seed=7)[0].tobytes()
    frames, ended = 0, False
    for action in np.random.default_rng(7).integers(4, size=1000).tolist():
        ours_now, reward = ours.step(action), 0
        for _ in range(times):
            observation, more, terminated, truncated, _ = theirs.step(action)
            reward, frames = reward + more, frames + 1
            ended = terminated or truncated
            if ended:
                break
        assert ours_now[0].tobytes() == observation.tobytes()
        assert ours_now[1:4] == (reward, terminated, truncated)
        if ended:
            break
    assert ended
    assert frames > 60


def test_the_time_limit_counts_the_environments_own_timesteps():
    env = Environment("CartPole-v1", {"max_episode_steps": 9}, action_repeat=4).make()
    env.reset(seed=0)
    rows = [env.step(action)[1:4] for action in (0, 1, 0)]
    assert rows == [(4, False, False), (4, False, False), (1, False, True)]


def test_the_action_repeat_is_named_where_it_is_not_the_usual_one():
    names = [
        str(Environment(id, action_repeat=times))
        for id in ("LunarLander-v2", "CartPole-v1")
        for times in (None, 1, 2)
    ]
    assert names == [
        "LunarLander-v2",
        "LunarLander-v2 action_repeat=1",
        "LunarLander-v2",
        "CartPole-v1",
        "CartPole-v1",
        "CartPole-v1 action_repeat=2",
    ]
    assert str(main.LANDER) == "LunarLander-v2"


@pytest.mark.parametrize(
    ("id", "observations", "actions"),
    [
        ("FrozenLake-v1", 16, 4),
        ("FrozenLake8x8-v1", 64, 4),
        ("Taxi-v3", 500, 6),
        ("CliffWalking-v0", 48, 4),
        ("Blackjack-v1", 45, 2),
    ],
)
def test_gymnasiums_own_toys_are_flattened_and_drawn(id, observations, actions):
    environment = Environment(id)
    env = environment.make()
    assert (env.observation_space.shape, env.action_space.n) == ((observations,), actions)
    assert len(environment.actions) == actions
    environment.check_rendering()


def test_a_manifest_brings_the_environment_back():
    learned = Environment("helpers.broken:Returns-v0", {"after": 3, "reward": 1.5}, 2)
    manifest = json.loads(json.dumps(learned.about))
    again = Environment.learned(manifest)
    assert (again.id, again.arguments) == (learned.id, {"after": 3, "reward": 1.5})
    assert again.action_repeat == 2
    assert Environment.learned(manifest, arguments={"after": 4}).arguments == {
        "after": 4,
        "reward": 1.5,
    }
    assert Environment.learned(manifest, "helpers.broken:Returns-v0").id == learned.id
    with pytest.raises(Problem, match=r"learned helpers.broken:Returns-v0, not CartPole-v1"):
        Environment.learned(manifest, "CartPole-v1")
    manifest["spaces"]["observation"] = "Box(-1.0, 1.0, (4,), float32)"
    with pytest.raises(
        Problem,
        match=r"observation space was Box\(.*\(4,\), .* in training and is Box\(.*\(3,\), ",
    ):
        Environment.learned(manifest)


def test_a_manifest_of_before_there_were_spaces_in_it():
    cart = Environment.learned(
        {"environment": "CartPole-v1", "arguments": {"max_episode_steps": 9}, "action_repeat": 1}
    )
    assert cart.make().spec.max_episode_steps == 9


@pytest.mark.slow
def test_an_environment_of_ones_own_by_the_same_commands(tmp_path):
    """A Dict in a file outside the clone: trained, resumed with workers, and watched."""
    (tmp_path / "sensor.py").write_text("def read(room):\n    return float(room)\n")
    from test_loading import THERMOSTAT

    content = THERMOSTAT.format(sensor="sensor", id="Thermostat", entry="Thermostat")
    (tmp_path / "thermostat.py").write_text(content)
    flags = ["--output", tmp_path, "--render", "none", "--episodes", 1]
    id = f"{tmp_path}/thermostat.py:Thermostat-v0"
    train = ["--env", id, "--env-arg", "outside=-2.5", "--iterations", 6, *flags]
    done = run_main(*train, script="scripts.train")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("observation: Dict(")
    (folder,) = tmp_path.glob("thermostat-Thermostat-v0-outside=-2.5-seed0-*")
    lengths = {line.split(",")[2] for line in (folder / "episodes.csv").read_text().split()[1:]}
    assert lengths == {"200"}
    greedy, random = re.findall(r"^(?:greedy|random) policy: mean (-?[\d.]+)", done.stdout, re.M)
    assert float(greedy) > 150 > float(random)
    more = ["--resume", "--iterations", 7, "--workers", 1, *flags]
    done = run_main(*more, script="scripts.train", cwd=tmp_path, PYTHONPATH=str(starter.PROJECT))
    assert done.returncode == 0, done.stderr
    done = run_main(*flags, script="scripts.watch")
    assert done.returncode == 0, done.stderr
    assert "episode 1: return 1" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
def test_a_failure_in_the_middle_costs_one_iteration_and_leaves_a_traceback(workers, tmp_path):
    flags = ["--env", "tests/helpers/broken.py:RaisesLater-v0", "--workers", workers]
    flags += ["--render", "none", "--output", tmp_path]
    done = run_main(*flags, script="scripts.train", TMPDIR=str(tmp_path))
    assert_refused(done, "step() of RaisesLater", "KeyError: 'no such", "broken.py, line ")
    (kept,) = tmp_path.glob("traceback-*.txt")
    assert str(kept) in done.stderr
    assert "raise KeyError" in kept.read_text()
    assert list(tmp_path.glob("broken-RaisesLater-v0-*/checkpoint_000001"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "iterations", "score", "at_random"),
    [
        ("CartPole-v1", 45, 400, 30),
        ("Acrobot-v1", 20, -110, -450),
        ("MountainCar-v0", 40, -150, -199),
        ("examples/autoscaler.py:Autoscaler-v0", 60, 140, -60),
    ],
)
def test_other_environments_are_learned(environment, iterations, score, at_random, tmp_path):
    flags = ["--env", environment, "--iterations", iterations, "--render", "none"]
    done = run_main(*flags, "--episodes", 1, "--output", tmp_path, script="scripts.train")
    assert done.returncode == 0, done.stderr
    means = re.findall(r"^(greedy|random) policy: mean (-?[\d.]+),", done.stdout, re.M)
    assert max(float(mean) for kind, mean in means if kind == "greedy") >= score
    assert float(means[-1][1]) <= at_random
