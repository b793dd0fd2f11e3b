"""Environments for tests; all but the first two are wrong in one way each."""

import gymnasium
import numpy as np


class Fine(gymnasium.Env):
    """Ten timesteps of nothing."""

    observation_space = gymnasium.spaces.Box(-1, 1, (3,), np.float64)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return self.np_random.uniform(-1, 1, self.observation_space.shape), {}

    def step(self, action):
        self.time += 1
        return np.zeros(self.observation_space.shape), 1.0, self.time == 10, False, {}


class Wide(Fine):
    """A fragment of it takes more than the 100 kB that Ray sends along with its answer."""

    observation_space = gymnasium.spaces.Box(-1, 1, (60,), np.float64)


class NoSeed(Fine):
    def reset(self):
        return np.zeros(3), {}


class OldReset(Fine):
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)[0]


class OldStep(Fine):
    def step(self, action):
        return np.zeros(3), 1.0, False, {}


class WrongShape(Fine):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(4), {}


class Raises(Fine):
    def step(self, action):
        return super().step(1 // 0)


class RaisesLater(Fine):
    """After 6,000 timesteps of all such environments: in the second iteration."""

    timesteps = 0

    def step(self, action):
        RaisesLater.timesteps += 1
        if RaisesLater.timesteps > 6_000:
            raise KeyError("no such\nbeacon")
        return super().step(action)


class NotANumber(Fine):
    def step(self, action):
        observation, _, *rest = super().step(action)
        return observation, float("nan"), *rest


class StartsAtOne(Fine):
    action_space = gymnasium.spaces.Discrete(2, start=1)


class NoActions(gymnasium.Env):
    observation_space = Fine.observation_space


class CannotBeMade(Fine):
    def __init__(self):
        raise OSError("no licence for this game")


class Endless(Fine):
    def step(self, action):
        return np.zeros(3), 1.0, False, False, {}


class DrawsNothing(Fine):
    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def render(self):
        return None


for name, made in list(globals().items()):
    if isinstance(made, type) and made.__module__ == __name__:
        gymnasium.register(f"{name}-v0", made)
