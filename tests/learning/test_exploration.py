"""Exploration: how often it acts at random, for how long, and that the seed decides."""

import gym
import numpy as np
import pytest

from starter.learning.exploration import TemporallyExtendedEpsilonGreedy

GREEDY = 7  # an action that is never drawn at random, to tell the two apart


def exploration(epsilon, longest=10, seed=1, worker_index=0):
    return TemporallyExtendedEpsilonGreedy(
        gym.spaces.Discrete(4),
        framework="tf",
        epsilon=epsilon,
        seconds=longest / 50,
        timesteps_per_second=50,
        policy_config={"seed": seed},
        model=None,
        num_workers=0,
        worker_index=worker_index,
    )


def played(explorer, timesteps, environments=1000):
    """Return the actions of that many timesteps, shape (timesteps, environments)."""
    greedy = np.full(environments, GREEDY)
    return np.stack([explorer.hold(greedy, 0) for _ in range(timesteps)])


@pytest.mark.parametrize("share", [0.01, 0.15, 0.6])
@pytest.mark.parametrize("longest", [1, 10])
def test_random_actions_take_their_share_of_all_timesteps(share, longest):
    actions = played(exploration([(0, share)], longest), 4_000)
    drawn = actions[actions != GREEDY]
    assert drawn.size / actions.size == pytest.approx(share, rel=0.05)
    assert np.bincount(drawn) / drawn.size == pytest.approx([0.25] * 4, rel=0.1)


def test_a_random_action_is_held_for_1_to_10_timesteps_each_as_often():
    # So rare that no two follow each other.
    actions = played(exploration([(0, 0.005)]), 1_200).T.ravel()
    changes = np.flatnonzero(np.diff(actions)) + 1
    runs = [part for part in np.split(actions, changes) if part[0] != GREEDY]
    lengths = np.bincount([len(part) for part in runs], minlength=11)
    assert len(runs) > 800
    assert lengths[1:11] / len(runs) == pytest.approx([0.1] * 10, abs=0.04)
    assert lengths[11:].sum() / len(runs) < 0.02


def test_epsilon_falls_from_point_to_point():
    explorer = exploration([(0, 1.0), (100, 0.2), (200, 0.2), (300, 0.0)])
    assert [explorer.epsilon(t) for t in (0, 50, 100, 150, 250, 300, 10_000)] == pytest.approx(
        [1.0, 0.6, 0.2, 0.2, 0.1, 0.0, 0.0]
    )
    greedy = np.full(1000, GREEDY)
    assert (explorer.hold(greedy, 0) != GREEDY).all()
    assert (exploration([(0, 1.0), (300, 0.0)]).hold(greedy, 300) == GREEDY).all()
