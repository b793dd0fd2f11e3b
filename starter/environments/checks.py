"""The wrapper that checks every timestep of an environment, and a trial before training."""

import atexit
import sys
from typing import Any, Dict, List, Optional, Set, Tuple

import gymnasium
import numpy as np

from starter import Problem
from starter.environments import spaces
from starter.environments.blame import ANYTHING, Invalid, author, problem
from starter.environments.spaces import shorten

TRIED = 10  # timesteps that are tried before training
LARGEST = float(np.finfo(np.float32).max)  # a reward; the replay buffer keeps float32

_open: Set["Checked"] = set()


@atexit.register
def close_all() -> None:
    """Close every environment that is still open in this process; a failure is a warning."""
    for env in list(_open):
        try:
            env.close()
        except Problem as problem:
            print(f"warning: {problem}", file=sys.stderr)


class Checked(gymnasium.Wrapper):
    """An environment with vectors of float32 as observations and numbers from 0 as actions.

    Whatever it returns is checked and converted at every timestep: finite numbers in a new array
    as the observation, a float as the reward, bools as the ends, arrays of shape
    (height, width, 3) and type uint8 as frames. A `with` statement closes it.

    Args:
        env: any environment, of old gym too if it is behind gymnasium's compatibility layer.
        name: what messages call it.

    Attributes:
        notes: what was done to its spaces, a line for each.
        action_names: the environment's own attribute of this name, or "action 0" and so on.

    Raises:
        Problem: if it has other spaces than this DQN learns; later, if it fails or breaks
            gymnasium's interface.
    """

    def __init__(self, env: gymnasium.Env, name: str):
        super().__init__(env)
        _open.add(self)
        self._name, self._frame_shape = name, None
        try:
            if not isinstance(env.unwrapped, gymnasium.Env):
                raise Invalid(
                    "it is no gymnasium.Env; register one of old gym with "
                    "apply_api_compatibility=True"
                )
            size, self._encode, seen = spaces.observations(env.observation_space)
            numbers, self._decode, chosen = spaces.actions(env.action_space)
            names = getattr(env, "action_names", None)
            self.action_names = numbers if names is None else [str(name) for name in names]
            if len(self.action_names) != len(numbers):
                raise Invalid(f"action_names is {names}, not {len(numbers)} strings")
        except ANYTHING as error:
            with self:
                raise problem(f"{name}, {author(env).__name__}", error, author(env)) from error
        self.notes = [note for note in (seen, chosen) if note]
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(len(numbers))

    def reset(
        self, *, seed: Optional[int] = None, options: Optional[Dict[str, Any]] = None
    ) -> Tuple[np.ndarray, Dict[str, Any]]:
        """Begin an episode; return the observation, shape (n,), and the info."""
        try:
            observation, info = self.env.reset(seed=seed, options=options)
            return self._encode(observation), _dict(info)
        except ANYTHING as error:
            raise self._problem("reset", error) from error

    def step(self, action: int) -> Tuple[np.ndarray, float, bool, bool, Dict[str, Any]]:
        """Advance one timestep; return observation, reward, terminated, truncated and info."""
        try:
            result = self.env.step(self._decode(action))
            observation, reward, terminated, truncated, info = result
            return (
                self._encode(observation),
                _reward(reward),
                _bool(terminated, "terminated"),
                _bool(truncated, "truncated"),
                _dict(info),
            )
        except ANYTHING as error:
            raise self._problem("step", error) from error

    def render(self) -> np.ndarray:
        """Return a frame, shape (height, width, 3) and type uint8: as large as the first one."""
        try:
            frame = _picture(self.env.render())
            self._frame_shape = self._frame_shape or frame.shape
            if frame.shape != self._frame_shape:
                raise Invalid(f"a frame has shape {frame.shape} after {self._frame_shape}")
            return frame
        except ANYTHING as error:
            raise self._problem("render", error) from error

    def close(self) -> None:
        """Close the environment, the first time that this is called."""
        if self not in _open:
            return
        _open.remove(self)
        try:
            self.env.close()
        except ANYTHING as error:
            raise self._problem("close", error) from error

    def __exit__(self, kind, error, trace):
        """Close the environment; an error of `close` does not replace an earlier one."""
        try:
            self.close()
        except Exception:
            if error is None:
                raise

    def _problem(self, method, error):
        kind = author(self.env)
        return problem(f"{self._name}, {method}() of {kind.__name__}", error, kind, method)


def try_out(env: Checked, other: Checked, name: str) -> None:
    """Play ten timesteps with two copies of an environment, each alone, then both in turn.

    A warning on stderr says if more than the seed and the actions decide what happens.

    Raises:
        Problem: if the environment fails or breaks gymnasium's interface.
    """
    (first,), (fresh,), (another,) = _play({env: 0}), _play({other: 0}), _play({other: 1})
    if first != fresh:
        why = (
            "is not the same for the same seed, so no run can be repeated; all chance must come "
            "from self.np_random, which super().reset(seed=seed) makes"
        )
    elif _play({env: 0, other: 1}) == [first, another]:
        return
    elif _play({env: 0}) == [first]:
        why = (
            "shares something among its copies, such as a global variable, and training plays "
            "many copies in turn; keep all state in self, and take all chance from self.np_random"
        )
    else:
        why = (
            "keeps something from one episode to the next, as NormalizeObservation and "
            "NormalizeReward keep statistics, and each copy keeps its own; so the same episode "
            "looks different when it is evaluated or watched, and may have another return"
        )
    if not env.spec.nondeterministic:
        print(f"warning: {name} {why}", file=sys.stderr)


def _play(seeds: Dict[Checked, int]) -> List[List[Any]]:
    """Step environments in turn, with each action in turn; return what each of them returned."""
    played = {env: [env.reset(seed=seed)[0].tobytes()] for env, seed in seeds.items()}
    for timestep in range(TRIED):
        for env, rows in played.items():
            observation, *rest, _ = env.step(timestep % env.action_space.n)
            rows += observation.tobytes(), rest
            if any(rest[1:]):
                rows.append(env.reset()[0].tobytes())
    return list(played.values())


def _reward(reward):
    try:
        if abs(reward) <= LARGEST:  # which NaN is not
            return float(reward)
    except (TypeError, ValueError):
        pass
    raise Invalid(f"the reward is {shorten(repr(reward))}, and not a finite float32")


def _bool(value, name):
    if value is True or value is False:
        return value
    if np.size(value) != 1 or value not in (0, 1):
        raise Invalid(f"{name} is {shorten(repr(value))}, and not True or False")
    return bool(value)


def _dict(info):
    if not isinstance(info, dict):
        raise Invalid(f"the info is {shorten(repr(info))}, and not a dict, such as {{}}")
    return info


def _picture(frame):
    picture = np.array(frame)
    if not picture.size or picture.shape[2:] != (3,) or picture.dtype != np.uint8:
        kind = f"shape {picture.shape} and type {picture.dtype}" if picture.ndim else repr(frame)
        raise Invalid(
            f"with render_mode rgb_array it returns {shorten(kind)}, and not an array of shape "
            "(height, width, 3) and type uint8, 0 to 255"
        )
    return picture
