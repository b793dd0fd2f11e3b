"""The fast DQN against RLlib's own functions, to the bit, and which edits of it work."""

import copy

import numpy as np
import pytest
from helpers import PROJECT
from ray.rllib.execution.train_ops import train_one_step

from starter import Problem
from starter.environments.environment import load
from starter.learning.fast_dqn import FastDQNConfig
from starter.learning.pilots import Greedy
from starter.storage.training_state import get_state, set_state

CARTPOLE = load("CartPole-v1")


def config(seed=5):
    """Return settings of which an iteration takes a second."""
    config = FastDQNConfig(CARTPOLE, seed)
    config.rollouts(num_envs_per_worker=8, rollout_fragment_length=16)
    config.training(training_intensity=8, train_batch_size=32, ema_decay=0.9, dueling=True)
    config.training(num_steps_sampled_before_learning_starts=0, model={"fcnet_hiddens": [32]})
    return config.reporting(min_sample_timesteps_per_iteration=256)


@pytest.fixture(scope="module")
def twins():
    """Two algorithms in the same state, after an iteration."""
    one, other = config().build(), config().build()
    one.train()
    arrays, facts = get_state(one)
    set_state(other, {name: a.copy() for name, a in arrays.items()}, copy.deepcopy(facts))
    other.local_replay_buffer._random = copy.deepcopy(one.local_replay_buffer._random)
    yield one, other
    one.stop()
    other.stop()


def test_the_loop_is_train_one_step_many_times(twins):
    rllibs, own = twins
    for _ in range(32):
        expected = train_one_step(rllibs, rllibs.local_replay_buffer.sample(1))
    rows = own.local_replay_buffer.sample(32).policy_batches["default_policy"]
    result = own._update(rows)
    expected = expected["default_policy"]
    assert np.array_equal(result["td_error"], expected["td_error"])
    assert result["learner_stats"]["mean_q"] == expected["learner_stats"]["mean_q"]
    arrays, _ = get_state(rllibs)
    others, _ = get_state(own)
    for name, values in arrays.items():
        assert np.array_equal(values, others[name]), name


def test_greedy_picks_what_rllib_picks_without_exploration(twins):
    policy, greedy = twins[0].get_policy(), twins[0].greedy
    observations = twins[0].local_replay_buffer.get_state()["obs"][:100]
    averaged = greedy.q_values(observations)
    greedy.use(twins[0].average)
    assert np.array_equal(greedy.q_values(observations), averaged)
    expected, _, extra = policy.compute_actions(observations, explore=False)
    greedy.use(policy.get_weights())
    assert np.array_equal(greedy.q_values(observations), extra["q_values"])
    assert np.array_equal(greedy(observations, np.zeros(100, int)), expected)
    assert len(set(expected)) > 1
    assert not np.allclose(averaged, extra["q_values"])
    mirrored = greedy.q_values(-observations)[:, ::-1]  # pushed to the other side
    both = Greedy(policy, lambda observations, actions: (-observations, 1 - actions))
    assert np.allclose(both.q_values(observations), (extra["q_values"] + mirrored) / 2)


def test_a_fragment_is_played_with_the_weights_from_before_the_updates(twins, monkeypatch):
    algorithm, used = twins[1], []
    algorithm.training_step()
    monkeypatch.setattr(algorithm, "next_fragment", used.append)
    before = algorithm.get_policy().get_weights()
    algorithm.training_step()
    after = algorithm.get_policy().get_weights()
    assert all(np.array_equal(used[0][name], values) for name, values in before.items())
    assert any((used[0][name] != values).any() for name, values in after.items())


def test_the_average_follows_the_weights(twins):
    algorithm = twins[1]
    before = algorithm.average
    algorithm.training_step()
    for name, values in algorithm.get_policy().get_weights().items():
        average = 0.9 * before[name] + 0.1 * values
        assert algorithm.average[name] == pytest.approx(average, abs=1e-7)


# What a learner tries first in `configure`: the words of docs/reference.md, and the edit. Those
# that work and do not depend on each other share a training.
EDITS = [
    {
        "`double_q=False`": lambda c: c.training(double_q=False),
        "`n_step=1`, `n_step=5`": lambda c: c.training(n_step=5),
        "`lr=5e-4` with `lr_schedule=None`": lambda c: c.training(lr=5e-4, lr_schedule=None),
        "`capacity`, `reward_scale`, `mirrored`": lambda c: c.training(
            replay_buffer_config={"capacity": 500, "reward_scale": 1, "mirrored": 0}
        ),
        '`"seconds": 0`, each random action for one timestep': lambda c: c.exploration(
            exploration_config={"seconds": 0}
        ),
    },
    {
        "`dueling=False`": lambda c: c.training(dueling=False),
        "`gamma=0`, `gamma=1`": lambda c: c.training(gamma=0),
        "`grad_clip=40`": lambda c: c.training(grad_clip=40),
        "`adam_epsilon=1e-4`": lambda c: c.training(adam_epsilon=1e-4),
        "`train_batch_size`, `target_network_update_freq`": lambda c: c.training(
            train_batch_size=48, target_network_update_freq=1_000
        ),
        "`training_intensity=None`, RLlib's default: one update after each fragment": lambda c: (
            c.training(training_intensity=None)
        ),
    },
    {
        "`hiddens=[]`, no separate heads": lambda c: c.training(hiddens=[]),
        "another network: `fcnet_hiddens`, `fcnet_activation`": lambda c: c.training(
            model={"fcnet_hiddens": [16, 16], "fcnet_activation": "tanh"}
        ),
        "`num_envs_per_worker`, `rollout_fragment_length`": lambda c: c.rollouts(
            num_envs_per_worker=3, rollout_fragment_length=50
        ),
        "`ema_decay=0`, no average": lambda c: c.training(ema_decay=0),
        "`margin=0`": lambda c: c.training(margin=0),
    },
    {"`noisy=True`, noisy networks": lambda c: c.training(noisy=True)},
    {
        "`num_atoms=51`, distributional DQN": lambda c: c.training(
            num_atoms=51, v_min=0.0, v_max=100.0
        )
    },
    {"`gamma=1.1`": lambda c: c.training(gamma=1.1)},
    {"`margin=-1`": lambda c: c.training(margin=-1)},
    {
        '`"type": "EpsilonGreedy"`, RLlib\'s exploration': lambda c: c.exploration(
            exploration_config={"type": "EpsilonGreedy"}
        )
    },
    {
        '`"type": "MultiAgentPrioritizedReplayBuffer"`': lambda c: c.training(
            replay_buffer_config={"type": "MultiAgentPrioritizedReplayBuffer", "capacity": 500}
        )
    },
    {'`framework("torch")`, `framework("tf2")`': lambda c: c.framework("torch")},
]


@pytest.mark.parametrize("edits", EDITS)
def test_each_edit_trains_or_is_refused_in_one_line_as_the_reference_says(edits):
    edited = config()
    for edit in edits.values():
        edited = edit(edited)
    try:
        algorithm = edited.build()
        result = algorithm.train()
        learned = algorithm.get_policy().get_weights()
        algorithm.stop()
        assert result["timesteps_total"] >= 256
        assert all(np.isfinite(values).all() for values in learned.values())
        verdict = "works"
    except Problem as problem:
        assert "\n" not in str(problem)
        verdict = "refused"
    table = (PROJECT / "docs" / "reference.md").read_text("utf-8")
    assert [words for words in edits if f"| {words} | {verdict} |" not in table] == []
