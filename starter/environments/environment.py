"""The environment that is learned: any of gymnasium's that this DQN can, checked beforehand."""

import ast
import copy
import json
import sys
import traceback
import warnings

import gymnasium
import numpy as np
from gymnasium.envs.registration import load_env_creator
from gymnasium.utils.env_checker import check_env

from starter import Problem

LONGEST = 10_000  # timesteps of an episode, where the environment sets no limit of its own
LANDERS_ACTIONS = ("do nothing", "left engine", "main engine", "right engine")


class Environment:
    """What a run knows of its environment, and how every part of the run makes one.

    Args:
        id: as `gymnasium.make` takes it: registered, or `module:ID`, which imports the module.
        arguments: more of `gymnasium.make`'s, by name.

    Attributes:
        module: the name of the one that it was imported from, in `module:ID`.
        is_lander: whether it is LunarLander, of whose actions and ends more can be said.
        solved: the mean return that its `reward_threshold` asks for; None without one.
        actions: the names of its actions.
        frames_per_second: how fast it is to be watched.
        can_be_drawn: whether it has the render mode `rgb_array`.

    Raises:
        Problem: if it cannot be made, breaks gymnasium's interface, or has other spaces than
            `Box` of shape (n,) for observations and `Discrete` for actions.
    """

    def __init__(self, id, arguments=()):
        self.id, self.arguments = id, dict(arguments)
        self.module = id.rpartition(":")[0] or None
        env = self.make()
        self._spec = env.unwrapped.spec
        self.is_lander = env.spec.name == "LunarLander"
        self.solved = env.spec.reward_threshold
        self.frames_per_second = env.metadata.get("render_fps") or 30
        self.can_be_drawn = "rgb_array" in env.metadata.get("render_modes", ())
        self._check(env)
        numbers = range(int(env.action_space.n))
        self.actions = LANDERS_ACTIONS if self.is_lander else [f"action {n}" for n in numbers]
        env.close()

    def __str__(self):
        return " ".join([self.id, *(f"{key}={value}" for key, value in self.arguments.items())])

    @property
    def config(self):
        """What the adapter makes one from, in other processes too, on whatever machine."""
        config = {"id": self.id, "arguments": self.arguments}
        if self.module:
            # The module may not be there: then what it registered comes along.
            spec = copy.copy(self._spec)
            if not callable(spec.entry_point):
                spec.entry_point = load_env_creator(spec.entry_point)
            config["spec"] = spec
        return config

    def make(self, render_mode=None):
        """A new one: see `make`."""
        return make(self.id, self.arguments, render_mode)

    def is_solved(self, returns: np.ndarray) -> bool:
        """Whether the mean return reaches `solved`, and of landers nine in ten returns do, too.

        The mean alone may hide that every fourth lander crashes.
        """
        if self.solved is None or returns.mean() < self.solved:
            return False
        return bool(not self.is_lander or (returns >= self.solved).mean() >= 0.9)

    def verdict(self, observation, reward, truncated, episode_return):
        """How an episode ended, in words, by its last timestep.

        The lander's last reward is 100 if it has come to rest, and -100 if its body has touched
        the moon or it has left the picture, where its observation's first value is -1 or 1.
        """
        if not self.is_lander:
            how = "time limit" if truncated else "ended"
        elif truncated:
            how = "out of time"
        elif reward > 0:
            how = "landed"
        else:
            how = "crashed" if abs(observation[0]) < 1 else "flew away"
        return f"{how} {episode_return:+.0f}"

    def _check(self, env):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                check_env(env.unwrapped, skip_render_check=True)
            self._check_spaces(env.action_space, env.observation_space)
            env.reset(seed=0)
            values = len(env.unwrapped.step(0))
            assert values == 5, (
                "step() gives observation, reward, terminated, truncated and info, "
                f"and this one gives {values} values"
            )
        except (AssertionError, gymnasium.error.Error) as error:
            if "non-deterministic" not in str(error):  # so is LunarLander's own wind
                words = f"{self} breaks gymnasium's interface: {_words(error)}"
                raise Problem(words) from error
            print(f"warning: {self}: {_words(error)} Digits will differ.", file=sys.stderr)
            self._check_spaces(env.action_space, env.observation_space)
        except Problem:
            raise
        except Exception as error:
            raise Problem(f"{self} failed its check: {_words(error)}{_place(error)}") from error

    def _check_spaces(self, actions, observations):
        if not isinstance(actions, gymnasium.spaces.Discrete):
            raise Problem(
                f"{self} has actions {actions}: DQN chooses one of a few, Discrete(n). Take an "
                "environment or a variant of it that has such, or train with RLlib's SAC or PPO"
            )
        if actions.start:
            raise Problem(f"{self} has actions {actions}: let them start at 0")
        if not isinstance(observations, gymnasium.spaces.Box) or len(observations.shape) != 1:
            raise Problem(
                f"{self} has observations {observations}: this network sees a plain list of "
                "numbers, Box of shape (n,). FlattenObservation of gymnasium.wrappers makes such "
                "a list of most; images want a network with convolutions"
            )


def make(id, arguments=(), render_mode=None, spec=None):
    """A new `gymnasium.Env`, with observations of type float32; of `spec`, if it is given.

    Raises:
        Problem: if it cannot be made; later on, if it fails, with the place where it did.
    """
    try:
        # Without gymnasium's checks of each timestep: Environment checks it once.
        arguments = {"disable_env_checker": True, **dict(arguments)}
        if render_mode:
            arguments["render_mode"] = render_mode
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an older version, say, which is then refused
            env = gymnasium.make(spec or id, **arguments)
    except Exception as error:
        raise Problem(f"--env {id} cannot be made: {_words(error)}") from error
    if not env.spec.max_episode_steps:
        env = gymnasium.wrappers.TimeLimit(env, LONGEST)
    return _Guarded(env, id)


class _Guarded(gymnasium.Wrapper):
    """Says in one line what went wrong inside, and gives observations as the network's type."""

    def __init__(self, env, id):
        super().__init__(env)
        self._id = id

    def reset(self, **options):
        try:
            observation, info = self.env.reset(**options)
            return np.asarray(observation, np.float32), info
        except Exception as error:
            raise self._problem("reset", error) from error

    def step(self, action):
        try:
            observation, reward, terminated, truncated, info = self.env.step(action)
            return np.asarray(observation, np.float32), reward, terminated, truncated, info
        except Exception as error:
            raise self._problem("step", error) from error

    def render(self):
        try:
            frame = np.asarray(self.env.render())
            assert frame.ndim == 3 and frame.shape[2] == 3, (
                f"rgb_array gives an array of shape (height, width, 3), not {frame.shape}"
            )
            return frame
        except Exception as error:
            raise self._problem("render", error) from error

    def _problem(self, method, error):
        return Problem(f"{self._id} failed in {method}(): {_words(error)}{_place(error)}")


def parse_arguments(pairs):
    """`["gravity=-5.0", "enable_wind=true"]` as `{"gravity": -5.0, "enable_wind": True}`.

    Raises:
        Problem: if one has no name before a `=`.
    """
    arguments = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise Problem(f"--env-arg {pair} is not name=value, such as gravity=-5.0")
        arguments[name] = value
        for parse in (json.loads, ast.literal_eval):  # true as well as True
            try:
                arguments[name] = parse(value)
                break
            except (ValueError, SyntaxError):
                pass
    return arguments


def _words(error):
    """An exception in one line."""
    said = " ".join(str(error).split())
    if isinstance(error, (AssertionError, gymnasium.error.Error)) and said:
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _place(error):
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f" ({last.filename}, line {last.lineno})"
