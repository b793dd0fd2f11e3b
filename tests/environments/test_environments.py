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

import starter
from starter import Problem
from starter.environments.environment import Environment, Lander, load
from starter.learning.adapter import GymnasiumAdapter

gymnasium.register(
    "Wrapped-v0",
    "helpers.broken:Fine",
    max_episode_steps=6,
    reward_threshold=3,
    order_enforce=False,
    additional_wrappers=(gymnasium.wrappers.TimeAwareObservation.wrapper_spec(),),
)
gymnasium.register("Kwargs-v0", "helpers.broken:Returns", max_episode_steps=5, kwargs={"after": 1})
SAME = [
    ("CartPole-v1", {"max_episode_steps": 5}, 5),
    ("helpers.broken:Short-v0", {"max_episode_steps": 4}, 4),
    ("helpers.broken:Kwargs-v0", {"reward": 2.0}, 5),
    ("helpers.broken:Wrapped-v0", {}, 6),
    ("helpers.broken:Fine-v0", {}, 10_000),
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
    environment = load(id, arguments)
    training = GymnasiumAdapter(environment.config).env
    evaluation = environment.make()
    same = [compared(training), compared(evaluation)]
    if environment.can_be_drawn:
        same.append(compared(environment.make("rgb_array")))
    assert len(set(same)) == 1
    assert evaluation.spec.max_episode_steps == limit
    kept = {**evaluation.spec.kwargs, "max_episode_steps": limit}
    assert {**kept, **arguments} == kept
    assert evaluation.spec.reward_threshold == gymnasium.spec(id.split(":")[-1]).reward_threshold
    if limit < 300:
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
    environments = [load(id, arguments) for id, arguments, _ in SAME]
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


def test_what_is_known_of_an_environment():
    cart, lander = load("CartPole-v1"), load("LunarLander-v2")
    assert (cart.solved, lander.solved) == (475, 200)
    assert (cart.shares, lander.shares) == ((0, 0), (0.9, 0.95))
    assert (cart.gif, lander.gif) == ("episodes.gif", "lander.gif")
    fine = load("helpers.broken:Fine-v0")
    assert (fine.solved, fine.target, fine.evaluation_interval) == (None, np.inf, 10)
    assert cart.timesteps_per_second == gymnasium.make("CartPole-v1").metadata["render_fps"]
    assert load("helpers.broken:Named-v0").timesteps_per_second == 30
    assert cart.actions == ["action 0", "action 1"]
    assert lander.actions[2] == "main engine"
    assert load("helpers.broken:Named-v0").actions == ["stay", "go"]
    assert fine.can_be_drawn is False
    assert load("helpers.broken:Draws-v0").can_be_drawn is True
    assert cart.notes == lander.notes == []
    assert load("FrozenLake-v1").notes == ["observation: Discrete(16), flattened to 16 numbers"]
    assert fine.notes[0].startswith("time limit: 10,000 of its own timesteps, ")
    assert cart.verdict(np.zeros(4), True, 500.0) == "time limit +500"
    assert cart.verdict(np.zeros(4), False, 21.0) == "ended +21"
    still, fast = np.zeros(8), np.ones(8) / 2
    assert lander.verdict(still, False, 250.4) == "landed +250"
    assert lander.verdict(fast, False, -90.0) == "crashed -90"
    assert lander.verdict(2 * fast, False, -90.0) == "flew away -90"
    assert lander.verdict(fast, True, 9.0) == "out of time +9"


def test_a_wrapper_offers_a_few_values_of_a_continuous_action():
    environment = load("examples/torques.py:Torques-v0")
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
    environment = load("LunarLander-v2", action_repeat=times)
    assert environment.timesteps_per_second == 50 / times
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
    env = load("CartPole-v1", {"max_episode_steps": 9}, action_repeat=4).make()
    env.reset(seed=0)
    rows = [env.step(action)[1:4] for action in (0, 1, 0)]
    assert rows == [(4, False, False), (4, False, False), (1, False, True)]


@pytest.mark.parametrize(
    ("id", "kind", "names"),
    [
        ("LunarLander-v2", Lander, ["", " action_repeat=1", ""]),
        ("CartPole-v1", Environment, ["", "", " action_repeat=2"]),
    ],
)
def test_the_action_repeat_is_named_where_it_is_not_the_usual_one(id, kind, names):
    environments = [load(id, action_repeat=times) for times in (None, 1, 2)]
    assert [str(environment) for environment in environments] == [id + name for name in names]
    assert {type(environment) for environment in environments} == {kind}


@pytest.mark.parametrize(
    ("id", "observations", "actions"),
    [("FrozenLake-v1", 16, 4), ("CliffWalking-v0", 48, 4), ("Blackjack-v1", 45, 2)],
)
def test_gymnasiums_own_toys_are_flattened_and_drawn(id, observations, actions):
    environment = load(id)
    env = environment.make()
    assert (env.observation_space.shape, env.action_space.n) == ((observations,), actions)
    assert len(environment.actions) == actions
    environment.check_rendering()


def test_a_manifest_brings_the_environment_back():
    learned = load("helpers.broken:Returns-v0", {"after": 3, "reward": 1.5}, 2)
    manifest = json.loads(json.dumps(learned.manifest))
    again = Environment.from_manifest(manifest)
    assert (again.id, again.arguments) == (learned.id, {"after": 3, "reward": 1.5})
    assert again.action_repeat == 2
    other = Environment.from_manifest(manifest, learned.id, {"after": 4})
    assert other.arguments == {"after": 4, "reward": 1.5}
    with pytest.raises(Problem, match=r"learned helpers.broken:Returns-v0, not CartPole-v1"):
        Environment.from_manifest(manifest, "CartPole-v1")
    manifest["spaces"]["observation"] = "Box(-1.0, 1.0, (4,), float32)"
    with pytest.raises(Problem, match=r"space was .*\(4,\).* in training and is .*\(3,\)"):
        Environment.from_manifest(manifest)


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
def test_a_failure_in_the_middle_costs_one_iteration(workers, tmp_path):
    flags = ["--env", "tests/helpers/broken.py:RaisesLater-v0", "--workers", workers]
    flags += ["--render", "none", "--output", tmp_path]
    done = run_main(*flags, script="scripts.train")
    assert_refused(done, "step() of RaisesLater", "KeyError: 'no such", "broken.py, line ")
    assert list(tmp_path.glob("broken-RaisesLater-v0-*/checkpoint_000001"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "iterations", "score", "at_random"),
    [
        ("CartPole-v1", 45, 400, 30),
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
