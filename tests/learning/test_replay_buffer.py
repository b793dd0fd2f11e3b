"""The replay buffer: what it keeps, what it gives back, and that the seed decides."""

import pickle

import numpy as np
import pytest
from ray.rllib.policy.sample_batch import SampleBatch

from starter.learning.replay_buffer import COLUMNS, ColumnarReplayBuffer


def rows(first, count):
    """A batch whose row number n says n in every column."""
    number = np.arange(first, first + count)
    return SampleBatch(
        obs=np.repeat(number[:, None], 8, axis=1).astype(np.float32),
        new_obs=np.repeat(number[:, None] + 0.5, 8, axis=1).astype(np.float32),
        actions=number,
        rewards=number.astype(np.float32),
        dones=number % 2 == 0,
        weights=np.ones(count, np.float32),
    )


def sampled(buffer, num_items=1):
    return buffer.sample(num_items)["default_policy"]


def test_a_sample_is_one_whole_batch_of_whole_rows():
    buffer = ColumnarReplayBuffer(capacity=50, batch_size=400, seed=1)
    buffer.add(rows(0, 30))
    batch = sampled(buffer)
    assert set(batch) == set(COLUMNS)
    assert batch.count == 400
    assert buffer.sample(2).env_steps() == 800
    number = batch["actions"]
    assert set(number) == set(range(30))  # all that was added, and nothing else
    np.testing.assert_array_equal(batch["obs"], np.repeat(number[:, None], 8, axis=1))
    np.testing.assert_array_equal(batch["new_obs"], batch["obs"] + 0.5)
    np.testing.assert_array_equal(batch["rewards"], number)
    np.testing.assert_array_equal(batch["dones"], number % 2 == 0)
    assert batch["obs"].dtype == np.float32
    assert batch["dones"].dtype == bool


def test_when_full_the_oldest_rows_go_first():
    buffer = ColumnarReplayBuffer(capacity=10, batch_size=500, seed=1)
    buffer.add(rows(0, 7))
    assert len(buffer) == 7
    buffer.add(rows(7, 7))  # crosses the end of the ring
    assert len(buffer) == 10
    assert set(sampled(buffer)["actions"]) == set(range(4, 14))
    buffer.add(rows(14, 10))  # replaces all
    assert set(sampled(buffer)["actions"]) == set(range(14, 24))


def test_every_row_is_equally_likely():
    buffer = ColumnarReplayBuffer(capacity=10, batch_size=100_000, seed=1)
    buffer.add(rows(0, 10))
    counts = np.bincount(sampled(buffer)["actions"], minlength=10)
    assert abs(counts - 10_000).max() < 500  # 5 standard deviations are 474


def test_a_sample_is_a_copy():
    buffer = ColumnarReplayBuffer(capacity=4, batch_size=20, seed=1)
    buffer.add(rows(0, 4))
    batch = sampled(buffer)
    before = batch["rewards"].copy()
    buffer.add(rows(100, 4))
    np.testing.assert_array_equal(batch["rewards"], before)


def test_rewards_are_kept_to_scale_and_the_batch_is_left_alone():
    buffer = ColumnarReplayBuffer(capacity=10, batch_size=50, seed=1, reward_scale=0.5)
    added = rows(0, 8)
    for _ in range(3):  # around the ring: no row is scaled twice
        buffer.add(added)
    batch = sampled(buffer)
    np.testing.assert_array_equal(batch["rewards"], batch["actions"] * 0.5)
    np.testing.assert_array_equal(added["rewards"], np.arange(8))


def test_the_seed_decides_and_global_random_state_does_not():
    draws = []
    for seed, global_seed in [(1, 0), (1, 99), (2, 0)]:
        np.random.seed(global_seed)
        buffer = ColumnarReplayBuffer(capacity=100, batch_size=50, seed=seed)
        buffer.add(rows(0, 100))
        draws.append(sampled(buffer)["actions"].tolist())
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]


def test_an_empty_buffer_says_so():
    with pytest.raises(ValueError, match="empty"):
        ColumnarReplayBuffer(capacity=10, batch_size=5).sample(1)


def test_a_saved_buffer_goes_on_as_if_nothing_had_been():
    buffer = ColumnarReplayBuffer(capacity=10, batch_size=50, seed=1)
    buffer.add(rows(0, 13))
    buffer.sample(1)
    other = ColumnarReplayBuffer(capacity=10, batch_size=50, seed=2)
    other.set_state(pickle.loads(pickle.dumps(buffer.get_state())))
    for each in (buffer, other):
        each.add(rows(13, 4))
    assert len(other) == 10
    assert sampled(other)["actions"].tolist() == sampled(buffer)["actions"].tolist()
