"""Other environments than the lander: one description, and the same environment from it."""

import json

import gymnasium
import numpy as np
import pytest
from helpers import PROJECT, assert_refused, run_main
from ray import cloudpickle
from test_loading import write

import main
from starter import Problem
from starter.environments.environment import Environment, load
from starter.learning.adapter import GymnasiumAdapter
from starter.trained import load as load_trained

gymnasium.register(
    "Wrapped-v0",
    "helpers.broken:Fine",
    max_episode_steps=6,
    reward_threshold=3,
    order_enforce=False,
    additional_wrappers=(gymnasium.wrappers.TimeAwareObservation.wrapper_spec(),),
)
SAME = [
    ("CartPole-v1", {"max_episode_steps": 5}, 5),
    ("helpers.broken:Short-v0", {}, 7),
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
    training = GymnasiumAdapter(cloudpickle.loads(cloudpickle.dumps(environment.config))).env
    evaluation = environment.make()
    same = [compared(training), compared(evaluation)]
    if environment.can_be_drawn:
        same.append(compared(environment.make("rgb_array")))
    assert len(set(same)) == 1
    assert evaluation.spec.max_episode_steps == limit
    kept = {**evaluation.spec.kwargs, "max_episode_steps": limit}
    assert {**kept, **arguments} == kept
    if limit < 300:
        evaluation.reset(seed=0)
        last = evaluation.action_space.n - 1
        ends = [any(evaluation.step(last)[2:4]) for _ in range(limit)]
        assert ends == [False] * (limit - 1) + [True]


def test_what_is_known_of_an_environment():
    cart, fine, drawn = (
        load(id) for id in ("CartPole-v1", "helpers.broken:Fine-v0", "helpers.broken:Draws-v0")
    )
    assert (cart.solved, cart.target, cart.evaluation_interval) == (475, 475, 2)
    assert (fine.solved, fine.target, fine.evaluation_interval) == (None, np.inf, 10)
    assert [one.timesteps_per_second for one in (cart, fine, drawn)] == [50, 30, 10]
    assert [one.can_be_drawn for one in (cart, fine, drawn)] == [True, False, True]
    assert (cart.actions, drawn.actions) == (["action 0", "action 1"], ["stay", "go"])
    assert load("FrozenLake-v1").notes == ["observation: Discrete(16), flattened to 16 numbers"]
    assert fine.notes[0].startswith("it sets no time limit, so an episode ends after 10,000 ")
    assert type(load("helpers.broken:Short-v0").target) is float  # JSON has none of numpy's
    assert cart.verdict(np.zeros(4), False, 500.0) == "time limit +500"
    assert str(load("CartPole-v1", action_repeat=2)) == "CartPole-v1 action_repeat=2"


def test_what_is_known_of_the_lander():
    lander = load("LunarLander-v2")
    assert (str(lander), str(load("LunarLander-v2", action_repeat=2))) == ("LunarLander-v2",) * 2
    assert (lander.solved, lander.actions[2], lander.notes) == (200, "main engine", [])
    still, fast = np.zeros(8), np.ones(8) / 2
    assert lander.verdict(still, True, 250.4) == "landed +250"
    assert lander.verdict(fast, True, -90.0) == "crashed -90"
    assert lander.verdict(2 * fast, True, -90.0) == "flew away -90"
    assert lander.verdict(fast, False, 9.0) == "out of time +9"


class MirroredRandom:
    """The random numbers of another generator, as LunarLander must see them for a mirrored flight.

    It draws the moon's heights, then pairs: the first push (x, y), and the engines' dispersion
    (along the lander, across it) in each frame.
    """

    def __init__(self, random):
        self.random, self.scalars = random, 0

    def uniform(self, low, high, size=None):
        drawn = self.random.uniform(low, high, size)
        if size:
            return np.append(drawn[10::-1], drawn[11])
        self.scalars += 1
        turned = self.scalars == 1 or (self.scalars > 2 and self.scalars % 2 == 0)
        return -drawn if turned else drawn


def test_a_trained_pilot_does_not_tell_left_from_right():
    pilot, lander, *_ = load_trained(PROJECT / "docs" / "demo")
    observations = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    mirrored, order = lander.mirror(observations, np.arange(4))
    found = pilot.q_values(mirrored)[:, order]
    np.testing.assert_allclose(found, pilot.q_values(observations), atol=1e-4)
    assert len({*pilot(observations, np.ones(50, int))}) > 2


@pytest.mark.parametrize("id, margin", [("LunarLander-v2", 1), ("CartPole-v1", 0)])
def test_a_pilot_that_does_nothing_goes_on_until_an_action_promises_more(id, margin):
    environment = load(id)
    pilots = [main.build_algorithm(0, environment).greedy]
    if margin:
        pilots.append(load_trained(PROJECT / "docs" / "demo").pilot)
    for pilot in pilots:
        q_values = np.full((4, len(environment.actions)), 5.0)
        q_values[:, 1] += [margin - 0.1, margin + 0.1, 0.1, -0.1]
        q_values *= 0.05  # the reward scale
        before = q_values.copy()
        assert pilot.choose(q_values, [0, 0, 1, 1]).tolist() == [0, 1, 1, 0]
        assert np.array_equal(q_values, before)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_mirror_image_of_a_flight_obeys_the_same_physics(seed):
    lander, random = load("LunarLander-v2"), np.random.default_rng(seed)
    with lander.make() as env, lander.make() as other:
        env.unwrapped.np_random = np.random.default_rng(seed)
        other.unwrapped.np_random = MirroredRandom(np.random.default_rng(seed))
        observation, mirrored = env.reset()[0], other.reset()[0]
        for _ in range(50):
            actions = random.choice(4, size=1, p=[0.25, 0.15, 0.45, 0.15])
            [expected], [action] = lander.mirror(observation[None], actions)
            np.testing.assert_allclose(mirrored, expected, atol=1e-3)
            observation, reward, *ends, _ = env.step(int(actions[0]))
            mirrored, its_reward, *its_ends, _ = other.step(int(action))
            assert its_reward == pytest.approx(reward, abs=0.1)
            assert (ends, its_ends) == ([False, False], [False, False])


def test_the_time_limit_counts_the_environments_own_timesteps():
    env = load("CartPole-v1", {"max_episode_steps": 9}, action_repeat=4).make()
    env.reset(seed=0)
    rows = [env.step(action)[1:4] for action in (0, 1, 0)]
    assert rows == [(4, False, False), (4, False, False), (1, False, True)]


def test_a_manifest_brings_the_environment_back():
    learned = load("helpers.broken:Returns-v0", {"after": 3, "reward": 1.5}, 2)
    manifest = json.loads(json.dumps(learned.manifest))
    again = Environment.from_manifest(manifest)
    assert (again.id, again.arguments) == (learned.id, {"after": 3, "reward": 1.5})
    assert again.action_repeat == 2
    other = Environment.from_manifest(manifest, learned.id, {"after": 4})
    assert other.arguments == {"after": 4, "reward": 1.5}
    with pytest.raises(Problem, match=r"trained on helpers.broken:Returns-v0, not CartPole-v1"):
        Environment.from_manifest(manifest, "CartPole-v1")
    manifest["spaces"]["observation"] = "Box(-1.0, 1.0, (4,), float32)"
    with pytest.raises(Problem, match=r"space was .*\(4,\).* in training and is .*\(3,\)"):
        Environment.from_manifest(manifest)


@pytest.mark.slow
def test_an_environment_of_ones_own_by_the_same_commands(tmp_path):
    """A Dict in a file outside the clone: trained, resumed with workers, and watched."""
    write(tmp_path, "lantern")
    flags = ["--output", tmp_path, "--render", "none", "--episodes", 1]
    train = ["--env", f"{tmp_path}/lantern.py:lantern-v0", "--env-arg", "weight=0.5", *flags]
    done = run_main(*train, "--iterations", 1, script="scripts/train.py")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("observation: Dict(")
    assert list(tmp_path.glob("lantern-lantern-v0-weight=0.5-seed0-*"))
    more = ["--resume", "--iterations", 2, "--workers", 1, *flags]
    done = run_main(*more, script=PROJECT / "scripts/train.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run_main(*flags, script="scripts/watch.py")
    assert done.returncode == 0, done.stderr
    assert "lantern:lantern-v0 weight=0.5, seed 0, 2 iterations" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
def test_a_failure_in_the_middle_costs_one_iteration(workers, tmp_path):
    flags = ["--env", "tests/helpers/broken.py:RaisesLater-v0", "--workers", workers]
    flags += ["--render", "none", "--output", tmp_path]
    done = run_main(*flags, script="scripts/train.py")
    assert_refused(done, "step() of RaisesLater", "KeyError: 'no such", "broken.py, line ")
    assert list(tmp_path.glob("broken-RaisesLater-v0-*/checkpoint_000001.npz"))


@pytest.mark.slow
@pytest.mark.parametrize("id", ["CartPole-v1", "examples/autoscaler.py:Autoscaler-v0"])
def test_other_environments_are_solved(id, tmp_path):
    flags = ["--env", id, "--iterations", 45, "--render", "none", "--output", tmp_path]
    done = run_main(*flags, "--episodes", 1, script="scripts/train.py")
    assert done.returncode == 0, done.stderr
    assert "is solved" in done.stdout
