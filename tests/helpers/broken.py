"""Environments for tests; all but the first ones are wrong in one way each."""

import threading

import gymnasium
import numpy as np


class Fine(gymnasium.Env):
    """Ten timesteps of nothing; it counts how many of its kind were made and closed."""

    observation_space = gymnasium.spaces.Box(-1, 1, (3,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)
    length = 10
    made = closed = 0

    def __init__(self, render_mode=None):
        self.render_mode = render_mode
        Fine.made += 1

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        # float64 in a Box of float32 is accepted.
        return self.np_random.uniform(-1, 1, self.observation_space.shape), {}

    def step(self, action):
        self.time += 1
        return np.zeros(self.observation_space.shape), 1.0, self.time == self.length, False, {}

    def close(self):
        Fine.closed += 1


class Wide(Fine):
    """A fragment of it takes more than the 100 kB that Ray sends along with its answer."""

    observation_space = gymnasium.spaces.Box(-1, 1, (60,), np.float64)


class Named(Fine):
    action_names = np.array(["stay", "go"])
    metadata = {"render_fps": "fast"}


class Unrepeatable(Fine):
    def step(self, action):
        return super().step(action)[0] + np.random.random(), 1.0, False, False, {}


class Shared(Fine):
    """Its copies share the time."""

    clock = [0]

    def reset(self, *, seed=None, options=None):
        self.clock[0] = 0
        return super().reset(seed=seed)

    def step(self, action):
        self.clock[0] += 1
        return np.zeros(3), float(self.clock[0]), self.clock[0] == 20, False, {}


class SharedGenerator(Fine):
    def reset(self, *, seed=None, options=None):
        np.random.seed(seed)
        return super().reset(seed=seed)

    def step(self, action):
        return np.random.uniform(-1, 1, 3), 1.0, False, False, {}


class Reused(Fine):
    """Returns the same array each time."""

    seen = None

    def step(self, action):
        self.seen = np.zeros(3, np.float32) if self.seen is None else self.seen
        self.seen += 1
        return self.seen, 1.0, False, False, {}


class NoSeed(Fine):
    def reset(self):
        return np.zeros(3), {}


class OldReset(Fine):
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)[0]


class OldStep(Fine):
    def step(self, action):
        return np.zeros(3), 1.0, False, {}


class NoActions(Fine):
    action_space = None


class NotAnEnvironment:
    spec = None

    def __init__(self):
        self.unwrapped = self


class TooFewNames(Fine):
    action_names = ("stay",)


class Raises(Fine):
    def step(self, action):
        return super().step(1 // 0)


class Exits(Fine):
    def step(self, action):
        raise SystemExit("enough")


class RaisesInAPackage(Fine):
    def step(self, action):
        return np.concatenate([]), 1.0, False, False, {}


class RaisesLater(Fine):
    """After 6,000 timesteps of all such environments: in the second iteration."""

    timesteps = 0

    def step(self, action):
        RaisesLater.timesteps += 1
        if RaisesLater.timesteps > 6_000:
            raise KeyError("no such\nbeacon")
        return super().step(action)


class CannotBeMadeTwice(Fine):
    def __init__(self):
        if Fine.made > Fine.closed:
            raise OSError("the port is in use")
        super().__init__()


class CannotBeCopied(Fine):
    def __init__(self, lock):
        self.lock = lock


class CannotBeClosed(Fine):
    def close(self):
        super().close()
        del self.server


class FailsThenCannotBeClosed(CannotBeClosed):
    def step(self, action):
        return 1 // 0


class Eager(Fine):
    """Needs TensorFlow's eager execution, as a Keras model that is called does."""

    def step(self, action):
        import tensorflow

        return np.asarray(tensorflow.zeros(3)), 1.0, False, False, {}


class Returns(Fine):
    """Returns what it is told to, in place of a part of what `step` or `reset` returns."""

    def __init__(self, after=0, **parts):
        super().__init__()
        self.after, self.parts = after, parts

    def reset(self, *, seed=None, options=None):
        observation, info = super().reset(seed=seed)
        observation = self.parts.get("reset_observation", observation)
        return observation, self.parts.get("reset_info", info)

    def step(self, action):
        names = ("observation", "reward", "terminated", "truncated", "info")
        parts = dict(zip(names, super().step(action)))
        if self.time > self.after:
            parts.update(self.parts)
        return tuple(parts[name] for name in names)


GREY = np.full((4, 6, 3), 200, np.uint8)
FRAMES = {
    "rgb": GREY,
    "rgba": np.dstack([GREY, GREY[:, :, 0]]),
    "none": None,
    "grey": GREY[:, :, 0],
    "float": GREY / 255,
    "low": GREY[:2],
}


class Draws(Fine):
    """Renders the FRAMES that it is told to, one after the other."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": np.float32(10)}

    def __init__(self, render_mode=None, frames=("rgb",)):
        super().__init__(render_mode)
        self.frames, self.drawn = frames, 0

    def render(self):
        self.drawn += 1
        return FRAMES[self.frames[(self.drawn - 1) % len(self.frames)]]


def normalized(kind, **arguments):
    return kind(gymnasium.make("CartPole-v1", **arguments))


for name, made in list(globals().items()):
    if isinstance(made, type) and made.__module__ == __name__:
        gymnasium.register(f"{name}-v0", made)
for kind in (gymnasium.wrappers.NormalizeObservation, gymnasium.wrappers.NormalizeReward):
    gymnasium.register(f"{kind.__name__}-v0", normalized, kwargs={"kind": kind})
gymnasium.register("Short-v0", Fine, max_episode_steps=np.int64(7), reward_threshold=np.float32(3))
gymnasium.register("NoThreshold-v0", Fine, reward_threshold=float("nan"))
gymnasium.register("Uncopied-v0", CannotBeCopied, kwargs={"lock": threading.Lock()})
