"""The replay buffer: what it keeps, what it returns, and that the seed decides."""

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


def filled(count=10, capacity=10, batch_size=500, seed=1, **settings):
    buffer = ColumnarReplayBuffer(capacity, batch_size, seed, **settings)
    buffer.add(rows(0, count))
    return buffer


def sampled(buffer):
    return buffer.sample(1)["default_policy"]


def test_a_sample_is_one_whole_batch_of_whole_rows():
    buffer = filled(30, capacity=50, batch_size=400)
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
    buffer.add(rows(100, 50))
    np.testing.assert_array_equal(batch["rewards"], number)  # it is a copy


def test_when_full_the_oldest_rows_go_first():
    buffer = filled(7)
    assert len(buffer) == 7
    buffer.add(rows(7, 7))  # crosses the end of the ring
    assert len(buffer) == 10
    assert set(sampled(buffer)["actions"]) == set(range(4, 14))
    buffer.add(rows(14, 10))  # replaces all
    assert set(sampled(buffer)["actions"]) == set(range(14, 24))


def test_every_row_is_equally_likely():
    counts = np.bincount(sampled(filled(batch_size=100_000))["actions"], minlength=10)
    assert abs(counts - 10_000).max() < 500  # 5 standard deviations are 474


def test_rewards_are_kept_to_scale_and_the_batch_is_left_alone():
    buffer = filled(8, reward_scale=0.5)
    added = rows(0, 8)
    for _ in range(3):  # around the ring: no row is scaled twice
        buffer.add(added)
    batch = sampled(buffer)
    np.testing.assert_array_equal(batch["rewards"], batch["actions"] * 0.5)
    np.testing.assert_array_equal(added["rewards"], np.arange(8))


def test_a_share_of_the_rows_is_mirrored():
    plain, buffer = sampled(filled(batch_size=10_000)), filled(batch_size=10_000, mirrored=0.25)
    np.testing.assert_array_equal(sampled(buffer)["obs"], plain["obs"])  # there is no mirror
    buffer = filled(batch_size=10_000, mirrored=0.25)
    buffer.mirror = lambda observations, actions: (-observations, -actions)
    batch = sampled(buffer)
    sign = np.where(batch["actions"] < 0, -1, 1)
    assert abs((sign < 0).mean() - 0.9 * 0.25) < 0.02  # one row in ten has the action 0
    np.testing.assert_array_equal(batch["actions"] * sign, plain["actions"])
    for name in ("obs", "new_obs"):
        rest = plain["actions"] > 0
        np.testing.assert_array_equal(batch[name][rest], (plain[name].T * sign).T[rest])
    np.testing.assert_array_equal(batch["rewards"], plain["rewards"])


@pytest.mark.parametrize("count", [7, 13])
@pytest.mark.parametrize("capacity", [10, 15])
def test_a_saved_buffer_continues_where_it_was(count, capacity):
    """Also in a larger buffer, which then holds more of the older rows."""
    buffer = ColumnarReplayBuffer(capacity=10)
    buffer.add(rows(0, count))
    other = ColumnarReplayBuffer(capacity=capacity, batch_size=500, seed=1)
    other.set_state(buffer.get_state())
    other.add(rows(50, 8))
    kept = [*range(max(count - 10, 0), count), *range(50, 58)]
    np.testing.assert_array_equal(other.get_state()["actions"], kept[-capacity:])
    assert set(sampled(other)["actions"]) == set(kept[-capacity:])
