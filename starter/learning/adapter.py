"""A gymnasium environment behind the gym 0.23 interface that RLlib 2.2.0 calls."""

import gym
import numpy as np


class GymnasiumAdapter(gym.Env):
    """Made from the `config` of an `Environment`, as RLlib makes its environments.

    In gym 0.23, `reset()` returns an observation alone, and `step()` returns four values, with
    one `done` for both kinds of end. `info["TimeLimit.truncated"]` marks a time limit.
    """

    def __init__(self, config):
        self.env = config["environment"].make()
        # Without bounds: the lander can exceed its own (a spin faster than 5 rad/s), and RLlib's
        # occasional check of an observation would end training.
        space = self.env.observation_space
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, space.shape, np.float32)
        self.action_space = gym.spaces.Discrete(int(self.env.action_space.n))
        self._seed = None

    def seed(self, seed=None):
        """Seed the next reset, and through it every episode that follows."""
        self._seed = seed
        return [seed]

    def reset(self):
        """Begin an episode; return its first observation, shape (n,)."""
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
