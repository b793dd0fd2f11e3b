"""An environment that is checked at every timestep: what it breaks is said in one line."""

import itertools
import math
import sys
from typing import Any, Dict, Optional

import gymnasium
import numpy as np

from starter import Problem
from starter.environments import spaces
from starter.environments.blame import ANYTHING, author, failure
from starter.environments.spaces import SpaceError

TRIED = 10  # timesteps that are tried before training
FIVE = "it must return observation, reward, terminated, truncated and info"
LARGEST = float(np.finfo(np.float32).max)  # a reward; the replay buffer keeps float32
OLD = "one of old gym is registered with apply_api_compatibility=True"


class Checked(gymnasium.Wrapper):
    """An environment with vectors of float32 as observations and numbers from 0 as actions.

    What it returns is checked and converted: a float as the reward, bools as the ends, arrays of
    shape (height, width, 3) and type uint8 as frames.

    Args:
        env: any environment, of old gym too if it is behind gymnasium's compatibility layer.
        name: what messages call it.

    Attributes:
        notes: what was done to its spaces, a line for each.
        action_names: the environment's own attribute of this name, or "action 0" and so on.

    Raises:
        Problem: if it has other spaces than this DQN learns; later, if it fails or breaks a
            promise, with the user's class and file.
    """

    def __init__(self, env: gymnasium.Env, name: str):
        super().__init__(env)
        self._name = name
        self._frames, self._frame_shape = 0, None
        if not isinstance(env.unwrapped, gymnasium.Env):
            raise Problem(f"{name}: {author(env)} is no gymnasium.Env; {OLD}")
        try:
            for space in ("observation_space", "action_space"):
                if getattr(env, space, None) is None:
                    raise SpaceError(f"it has no {space}")
            seen, actions = spaces.observations(env.observation_space), self._actions(env)
        except SpaceError as error:
            raise Problem(f"{name}, {author(env)}: {error}") from None
        self._encode, self._decode = seen.encode, actions.decode
        self.action_names = actions.names
        self.notes = [note for note in (seen.note, actions.note) if note]
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (seen.size,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(len(actions.names))

    @staticmethod
    def _actions(env):
        actions = spaces.actions(env.action_space)
        names = getattr(env, "action_names", None)
        if names is None:
            return actions
        strings = isinstance(names, (list, tuple)) and all(isinstance(n, str) for n in names)
        if not strings or len(names) != len(actions.names):
            raise SpaceError(f"action_names is {names}, not {len(actions.names)} strings")
        return actions._replace(names=list(names))

    def reset(self, *, seed: Optional[int] = None, options: Optional[Dict[str, Any]] = None):
        """Begin an episode; return the observation, shape (n,), and the info."""
        try:
            result = self.env.reset(seed=seed, options=options)
        except ANYTHING as error:
            raise self._failure("reset", error) from error
        try:
            if not isinstance(result, (tuple, list)) or len(result) != 2:
                came = spaces.text(repr(result))
                raise SpaceError(f"it returns {came}, not an observation and a dict; {OLD}")
            observation = self._encode(result[0])
            if not np.isfinite(observation).all():
                raise SpaceError("an observation is not all finite numbers")
            return observation, _dict(result[1])
        except SpaceError as error:
            raise self.problem("reset", error) from None

    def step(self, action: int):
        """Advance one timestep; return observation, reward, terminated, truncated and info."""
        try:
            result = self.env.step(self._decode(action))
        except ANYTHING as error:
            raise self._failure("step", error) from error
        try:
            if not isinstance(result, (tuple, list)) or len(result) != 5:
                raise SpaceError(_not_five(result))
            observation, reward, terminated, truncated, info = result
            return (
                self._encode(observation),
                _reward(reward),
                _bool(terminated, "terminated"),
                _bool(truncated, "truncated"),
                info if type(info) is dict else _dict(info),
            )
        except SpaceError as error:
            raise self.problem("step", error) from None

    def render(self) -> np.ndarray:
        """Return a frame, shape (height, width, 3) and type uint8: as large as the first one."""
        try:
            frame = self.env.render()
        except ANYTHING as error:
            raise self._failure("render", error) from error
        self._frames += 1
        try:
            frame = _picture(frame)
            if frame.shape != (self._frame_shape or frame.shape):
                raise SpaceError(
                    f"frame {self._frames} has shape {frame.shape}, and the frames before it have "
                    f"{self._frame_shape}: all of them must have the same size"
                )
        except SpaceError as error:
            raise self.problem("render", error) from None
        self._frame_shape = frame.shape
        return frame

    def problem(self, method: str, error: Any) -> Problem:
        """Return what to raise if `method` returned something wrong."""
        return Problem(f"{self._name}, {method}() of {author(self.env)}: {error}")

    def _failure(self, method, error):
        what = f"{self._name}, {method}() of {author(self.env)} failed"
        if "unexpected keyword argument 'seed'" in str(error):
            what += "; it must begin with def reset(self, *, seed=None, options=None)"
        if "to unpack (expected 5" in str(error):  # by a wrapper of gymnasium's
            what += f"; {FIVE}; {OLD}"
        return failure(what, error)


def try_out(env: Checked, name: str) -> None:
    """Play ten timesteps twice from the same seed, with each action in turn.

    If they differ, a warning on stderr says so.

    Raises:
        Problem: if the environment fails or breaks a promise.
    """
    if _play(env) != _play(env) and not env.spec.nondeterministic:
        print(
            f"warning: {name} is not the same for the same seed, so no run can be repeated; "
            "all chance must come from self.np_random, which super().reset(seed=seed) makes",
            file=sys.stderr,
        )


def _play(env):
    observation, _ = env.reset(seed=0)
    played = [observation.tobytes()]
    for _, action in zip(range(TRIED), itertools.cycle(range(env.action_space.n))):
        observation, reward, terminated, truncated, _ = env.step(action)
        if not np.isfinite(observation).all():
            raise env.problem("step", f"the observation {observation} is not all numbers")
        played += observation.tobytes(), reward
        if terminated or truncated:
            env.reset()
    return played


def _not_five(result):
    count = f"{len(result)} values" if isinstance(result, (tuple, list)) else "no tuple"
    return f"it returns {count}; {FIVE}; {OLD}"


def _reward(reward):
    try:
        if math.isfinite(reward):  # an array of one number, too
            if abs(reward) > LARGEST:
                raise SpaceError(f"a reward is too large for a float32: {float(reward):g}")
            return float(reward)
    except (TypeError, OverflowError):
        pass
    raise SpaceError(f"the reward is {spaces.text(repr(reward))}, which is no number")


def _bool(value, name):
    if value is True or value is False:
        return value
    if isinstance(value, (np.bool_, int, np.integer)) or getattr(value, "size", None) == 1:
        return bool(value)
    raise SpaceError(f"{name} is {spaces.text(repr(value))}, and not True or False")


def _dict(info):
    if not isinstance(info, dict):
        raise SpaceError(f"the info is {spaces.text(repr(info))}, and not a dict, such as {{}}")
    return info


def _picture(frame):
    picture = np.asarray(frame)
    if picture.ndim != 3 or picture.shape[2] not in (3, 4) or 0 in picture.shape:
        kind = f"an array of shape {picture.shape}" if picture.ndim else repr(frame)
        raise SpaceError(
            f"with render_mode rgb_array it returns {spaces.text(kind)}, "
            "and not an array of shape (height, width, 3)"
        )
    if picture.dtype != np.uint8:
        if picture.dtype.kind not in "iu" or picture.min() < 0 or picture.max() > 255:
            raise SpaceError(
                f"the frame is of type {picture.dtype}, and not uint8, 0 to 255; from floats of 0 "
                "to 1 these are (255 * frame).astype(np.uint8)"
            )
        picture = picture.astype(np.uint8)
    return picture[:, :, :3]  # without the alpha of RGBA
