"""Environments for tests; all but the first two are wrong in one way each."""

import threading

import gymnasium
import numpy as np

GREY = np.full((4, 6, 3), 200, np.uint8)
FRAMES = {"rgb": GREY, "none": None, "grey": GREY[:, :, 0]}


class Fine(gymnasium.Env):
    """Ten timesteps of nothing; it counts how many of its kind were made and closed."""

    observation_space = gymnasium.spaces.Box(-1, 1, (3,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)
    made = closed = 0

    def __init__(self, render_mode=None):
        self.render_mode = render_mode
        Fine.made += 1

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return self.np_random.uniform(-1, 1, 3), {}  # float64 in a Box of float32 is accepted

    def step(self, action):
        self.time += 1
        return np.zeros(3), 1.0, self.time == 10, False, {}

    def close(self):
        Fine.closed += 1


class Draws(Fine):
    metadata = {"render_modes": ["rgb_array"], "render_fps": np.float32(10)}
    action_names = np.array(["stay", "go"])

    def __init__(self, render_mode=None, frame="rgb"):
        super().__init__(render_mode)
        self.frame = frame

    def render(self):
        return FRAMES[self.frame]


class Returns(Fine):
    """Returns the given parts in place of its own, after so many timesteps."""

    def __init__(self, after=0, **parts):
        super().__init__()
        self.after, self.parts = after, parts

    def step(self, action):
        names = ("observation", "reward", "terminated", "truncated", "info")
        parts = dict(zip(names, super().step(action)))
        if self.time > self.after:
            parts.update(self.parts)
        return tuple(parts[name] for name in names)


class Unrepeatable(Fine):
    def step(self, action):
        return np.random.random(3), 1.0, False, False, {}


class Shared(Fine):
    """Its copies share the time."""

    clock = [0]

    def reset(self, *, seed=None, options=None):
        self.clock[0] = 0
        return super().reset(seed=seed)

    def step(self, action):
        self.clock[0] += 1
        return np.zeros(3), float(self.clock[0]), self.clock[0] == 20, False, {}


class Reused(Fine):
    """Returns the same array each time, and does not reset it."""

    def __init__(self):
        super().__init__()
        self.seen = np.zeros(3, np.float32)

    def step(self, action):
        self.seen += 1
        return self.seen, 1.0, False, False, {}


class NoSeed(Fine):
    def reset(self):
        return np.zeros(3), {}


class OldStep(Fine):
    def step(self, action):
        return np.zeros(3), 1.0, False, {}


class NoActions(Fine):
    action_space = None


class TooFewNames(Fine):
    action_names = ("stay",)


class Raises(Fine):
    def step(self, action):
        return np.concatenate([]), 1.0, False, False, {}


class Exits(Fine):
    def step(self, action):
        raise SystemExit("enough")


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


for name, made in list(globals().items()):
    if isinstance(made, type):
        gymnasium.register(f"{name}-v0", made)
gymnasium.register(
    "Normalized-v0", lambda: gymnasium.wrappers.NormalizeReward(gymnasium.make("CartPole-v1"))
)
gymnasium.register("Short-v0", Fine, max_episode_steps=np.int64(7), reward_threshold=np.float32(3))
gymnasium.register("Uncopied-v0", CannotBeCopied, kwargs={"lock": threading.Lock()})
