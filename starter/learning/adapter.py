"""A gymnasium environment behind the gym 0.23 interface that RLlib 2.2.0 calls."""

import gym
import numpy as np

from starter.environments import environment as environments


class GymnasiumAdapter(gym.Env):
    """Train in the same environment that is watched afterwards.

    RLlib 2.2.0 knows only gym 0.23: `reset()` returns an observation alone, and `step()` returns
    four values, with one `done` for both kinds of end. As in gym 0.23, a time limit is marked by
    `info["TimeLimit.truncated"]`.

    Args:
        config: that of an `Environment`.
    """

    def __init__(self, config):
        self.env = environments.make(config)
        # Without bounds: the lander does leave its own (a spin faster than 5 rad/s), and
        # RLlib, which compares an observation now and then, would end the training.
        space = self.env.observation_space
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, space.shape, np.float32)
        self.action_space = gym.spaces.Discrete(int(self.env.action_space.n))
        self._seed = None

    def seed(self, seed=None):
        """Seed the next reset, and through it every episode that follows."""
        self._seed = seed
        return [seed]

    def reset(self):
        """Begin an episode; return its first observation, an array of shape (n,)."""
        seed, self._seed = self._seed, None
        observation, _ = self.env.reset(seed=seed)
        return observation

    def step(self, action):
        """Advance one timestep; return `(observation, reward, done, info)`."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if truncated:
            info = dict(info, **{"TimeLimit.truncated": not terminated})
        return observation, reward, terminated or truncated, info

    def close(self):
        self.env.close()
