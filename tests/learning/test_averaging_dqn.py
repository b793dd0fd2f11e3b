"""All updates of a fragment in one call, against RLlib's `train_one_step`, to the bit."""

import copy

import numpy as np
import pytest
from ray.rllib.execution.train_ops import train_one_step
from starter.learning.acting import greedy, q_values

import main
from starter.storage.training_state import get_state, set_state


@pytest.fixture(scope="module")
def twins():
    """Two algorithms in the same state, after an iteration."""
    one, other = main.build_algorithm(seed=5), main.build_algorithm(seed=5)
    one.train()
    arrays, facts = get_state(one)
    set_state(other, {name: a.copy() for name, a in arrays.items()}, copy.deepcopy(facts))
    other.local_replay_buffer._random = copy.deepcopy(one.local_replay_buffer._random)
    yield one, other
    one.stop()
    other.stop()


def test_the_loop_is_train_one_step_many_times(twins):
    rllibs, own = twins
    for _ in range(64):
        expected = train_one_step(rllibs, rllibs.local_replay_buffer.sample(1))
    rows = own.local_replay_buffer.sample(64).policy_batches["default_policy"]
    result = own._update(rows)
    expected = expected["default_policy"]
    assert np.array_equal(result["td_error"], expected["td_error"])
    assert result["learner_stats"]["mean_q"] == expected["learner_stats"]["mean_q"]
    arrays, _ = get_state(rllibs)
    others, _ = get_state(own)
    for name, values in arrays.items():
        assert np.array_equal(values, others[name]), name


def test_q_values_choose_rllibs_greedy_actions(twins):
    policy = twins[0].get_policy()
    observations = twins[0].local_replay_buffer.get_state()[0]["obs"][:100]
    expected, _, extra = policy.compute_actions(observations, explore=False)
    assert np.array_equal(q_values(policy)(observations), extra["q_values"])
    assert np.array_equal(greedy(policy)(observations), expected)
    assert len(set(expected)) > 1


def test_the_average_is_lent_and_follows_the_weights(twins):
    algorithm = twins[1]
    policy = algorithm.get_policy()
    before, average = policy.get_weights(), copy.deepcopy(algorithm.average)
    arrays, _ = get_state(algorithm)
    with algorithm.averaged() as lent:
        assert all(np.array_equal(a, average[name]) for name, a in lent.get_weights().items())
        inside, _ = get_state(algorithm)
    assert all(np.array_equal(a, before[name]) for name, a in policy.get_weights().items())
    targets = [name for name in arrays if name.startswith("target/")]
    assert targets
    assert all(np.array_equal(arrays[name], inside[name]) for name in targets)
    algorithm.training_step()
    share = np.float32(algorithm.config.average_share)
    for name, values in policy.get_weights().items():
        expected = average[name] + share * (values - average[name])
        assert np.array_equal(algorithm.average[name], expected)
