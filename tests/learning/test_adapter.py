"""The adapter against gymnasium, and gymnasium's lander against gym's own, to the bit."""

import gym
import gymnasium
import numpy as np

from starter.environments.environment import load
from starter.learning.adapter import GymnasiumAdapter

LANDER = load("LunarLander-v2", action_repeat=1).config
EPISODES = 24


def played(env, observation, actions):
    """Each timestep of an episode of gym's or gymnasium's: observation, reward and its end."""
    rows = [(observation.tobytes(), 0.0, False)]
    for action in actions:
        observation, reward, *ends, _ = env.step(action)
        rows.append((observation.tobytes(), reward, any(ends)))
        if any(ends):
            break
    return rows


def test_adapter_gives_what_gymnasium_and_gym_give():
    adapter = GymnasiumAdapter(LANDER)
    modern = gymnasium.make("LunarLander-v2")
    old = gym.make("LunarLander-v2")
    lengths = set()
    for seed in range(EPISODES):
        actions = np.random.default_rng(seed).integers(4, size=1000).tolist()
        adapter.seed(seed)
        rows = played(adapter, adapter.reset(), actions)
        assert rows[-1][2]
        assert rows == played(modern, modern.reset(seed=seed)[0], actions)
        assert rows == played(old, old.reset(seed=seed), actions)
        lengths.add(len(rows))
    assert len(lengths) > EPISODES // 2  # the episodes were not one and the same


def test_the_seed_goes_on_into_the_next_episode():
    adapter = GymnasiumAdapter(LANDER)
    modern = gymnasium.make("LunarLander-v2")
    adapter.seed(5)
    first, second = adapter.reset(), adapter.reset()
    assert first.tobytes() == modern.reset(seed=5)[0].tobytes()
    assert second.tobytes() == modern.reset()[0].tobytes()
    assert first.tobytes() != second.tobytes()


def test_spaces_are_gyms_and_hold_whatever_the_lander_does():
    adapter = GymnasiumAdapter(LANDER)
    assert adapter.action_space == gym.spaces.Discrete(4)
    adapter.seed(0)
    outside = 0
    for _ in range(20):
        observation, done = adapter.reset(), False
        while not done:
            assert adapter.observation_space.contains(observation)
            outside += not adapter.env.unwrapped.observation_space.contains(observation)
            observation, _, done, _ = adapter.step(1)  # one side engine: it spins
    assert outside > 0  # of gymnasium's bounds, which RLlib would not forgive
