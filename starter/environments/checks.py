"""The wrapper that checks every timestep of an environment, and a trial before training."""

import atexit
import sys
from contextlib import nullcontext, suppress
from typing import Any, Dict, List, Optional, Set, Tuple

import gymnasium
import numpy as np

from starter import Problem
from starter.environments import spaces
from starter.environments.blame import Invalid, author, blaming, shorten

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
    """An environment whose observations are vectors of float32 and whose actions are 0, 1, ...

    It checks and converts everything that the environment returns. A `with` statement closes it.
    An action lasts `repeat` of the environment's own timesteps, or until the episode ends; the
    reward is the sum of theirs. After Mnih and others, "Human-level control through deep
    reinforcement learning", Nature 518 (2015). It raises a `Problem` if DQN cannot learn its
    spaces; later, if the environment fails or breaks gymnasium's interface.
    """

    def __init__(self, env: gymnasium.Env, name: str, repeat: int = 1):
        super().__init__(env)
        _open.add(self)
        self.name, self._repeat, source = name, repeat, author(env)
        kind, methods = source.__name__, ("reset", "step", "render", "close")
        self._blaming = {m: blaming(f"{name}, {m}() of {kind}", source, m) for m in methods}
        try:
            with blaming(f"{name}, {kind}", source):
                size, self._encode, seen = spaces.observations(env.observation_space)
                numbers, self._decode, chosen = spaces.actions(env.action_space)
                names = getattr(env, "action_names", None)
                self.action_names = numbers if names is None else [str(name) for name in names]
                if len(self.action_names) != len(numbers):
                    raise Invalid(f"action_names is {names}, not {len(numbers)} strings")
        except Problem:
            with self:
                raise
        self.notes = [note for note in (seen, chosen) if note]  # what was done to its spaces
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(len(numbers))

    def reset(self, *, seed: Optional[int] = None, **kwargs: Any) -> Tuple[np.ndarray, Dict]:
        """Begin an episode; return the observation, shape (n,), and the info."""
        with self._blaming["reset"]:
            observation, info = self.env.reset(seed=seed, **kwargs)
            return self._encode(observation), info

    def step(self, action: int) -> Tuple[np.ndarray, float, bool, bool, Dict]:
        """Advance one timestep; return observation, reward, terminated, truncated and info."""
        with self._blaming["step"]:
            total = 0.0
            for _ in range(self._repeat):
                result = self.env.step(self._decode(action))
                observation, reward, terminated, truncated, info = result
                total += _reward(reward)
                _require(terminated in (0, 1), "terminated", terminated, "True or False")
                _require(truncated in (0, 1), "truncated", truncated, "True or False")
                _require(isinstance(info, dict), "the info", info, "a dict, such as {}")
                if terminated or truncated:
                    break
            return self._encode(observation), total, bool(terminated), bool(truncated), info

    def render(self) -> np.ndarray:
        """Return a frame, shape (height, width, 3) and type uint8."""
        with self._blaming["render"]:
            return _picture(self.env.render())

    def close(self) -> None:
        """Close the environment, unless it is closed already."""
        if self in _open:
            _open.remove(self)
            with self._blaming["close"]:
                self.env.close()

    def __exit__(self, kind, error, trace):
        """Close the environment; an error of `close` does not replace an earlier one."""
        with suppress(Problem) if error else nullcontext():
            self.close()


def try_out(env: Checked, other: Checked) -> None:
    """Play ten timesteps with two copies of an environment, each alone, then both alternately.

    A warning on stderr says if anything besides the seed and the actions affects what happens.
    """
    (first,), (fresh,), (another,) = _play({env: 0}), _play({other: 0}), _play({other: 1})
    if first != fresh:
        why = "is not the same for the same seed; draw all random numbers from self.np_random"
    elif _play({env: 0, other: 1}) == [first, another]:
        return
    elif _play({env: 0}) == [first]:
        why = "shares something, such as a global variable, with its copies; keep state in self"
    else:
        why = (
            "keeps something from one episode to the next, as NormalizeReward keeps statistics; "
            "each copy has its own, so watching may show other returns than training"
        )
    if not env.spec.nondeterministic:
        print(f"warning: {env.name} {why}", file=sys.stderr)


def _play(seeds: Dict[Checked, int]) -> List[List[Any]]:
    """Step all environments in turn, with each action in turn; return what each one returned."""
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
        if abs(reward) <= LARGEST:  # NaN is not
            return float(reward)
    except (TypeError, ValueError):
        pass
    raise Invalid(f"the reward is {shorten(repr(reward))}, not a finite float32")


def _require(good, what, value, wanted):
    if not good:
        raise Invalid(f"{what} is {shorten(repr(value))}, not {wanted}")


def _picture(frame):
    picture = np.asarray(frame)
    if not picture.size or picture.shape[2:] != (3,) or picture.dtype != np.uint8:
        kind = f"shape {picture.shape} and type {picture.dtype}" if picture.ndim else repr(frame)
        raise Invalid(f"it returns {shorten(kind)}, not shape (height, width, 3) and type uint8")
    return picture
