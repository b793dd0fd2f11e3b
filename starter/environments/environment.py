"""The environment that is learned: what a run knows of it, and how each part makes one."""

import warnings
from numbers import Real
from typing import Any, Dict, Iterable, List, Optional, Tuple, Union

import gymnasium
import numpy as np

from starter import Problem
from starter.environments import loading, spaces
from starter.environments.action_repeat import ActionRepeat
from starter.environments.blame import ANYTHING, failure
from starter.environments.checks import Checked, try_out
from starter.environments.loading import parse_arguments

__all__ = ["Environment", "make", "parse_arguments"]

LONGEST = 10_000  # of its own timesteps in an episode, where the environment sets no limit
LANDERS_ACTION_REPEAT = 2
LANDERS_ACTIONS = ["do nothing", "left engine", "main engine", "right engine"]


class Environment:
    """What a run knows of its environment. Training, evaluation and watching make it from here.

    Args:
        id: gymnasium's own, `module:ID` or `path/to/file.py:ID`; see `loading.find`.
        arguments: more of `gymnasium.make`'s, by name.
        action_repeat: how many of its timesteps each action is repeated for; by default 2 for the
            lander, otherwise 1. Below, a timestep is that many of its own.

    Attributes:
        id: as it was given, with an absolute path.
        arguments: as they were given.
        action_repeat: as it was given, or the default.
        module: the name of the user's module; None if it is gymnasium's or an installed package.
        modules: the names of all modules that workers on other machines need to be sent.
        is_lander: whether it is LunarLander, of whose actions and ends more can be said.
        solved: the mean return that its `reward_threshold` asks for; None without one.
        actions: the names of its actions: its attribute `action_names`, a list of strings, if it
            or a wrapper has one.
        timesteps_per_second: how many timesteps are shown in a second.
        can_be_drawn: whether its metadata has the render mode `rgb_array`.
        notes: what is worth knowing before training, a line for each: what was done to its
            spaces, and a time limit that it did not set. The lander has none.
        spaces: its own spaces, as strings, by "observation" and "action".

    Raises:
        Problem: if it cannot be made, fails in its first timesteps, breaks gymnasium's interface,
            or has spaces that this DQN cannot learn.
    """

    def __init__(
        self,
        id: str,
        arguments: Union[Dict[str, Any], Iterable[Tuple[str, Any]]] = (),
        action_repeat: Optional[int] = None,
    ):
        self.id, self.arguments = loading.absolute(id), dict(arguments)
        self._texts = loading.arguments_as_text(self.arguments)
        registered, module = loading.find(self.id)
        self.modules = loading.own(module)
        self.module = module.__name__ if self.modules else None
        self._spec, self._wrappers = loading.specify(registered, module, self.arguments)
        self.is_lander = not module and self._spec.name == "LunarLander"
        self._usual_repeat = LANDERS_ACTION_REPEAT if self.is_lander else 1
        self.action_repeat = action_repeat or self._usual_repeat
        env = self.make()
        self.notes = env.notes
        if env.spec.max_episode_steps is None:
            self._spec.max_episode_steps = LONGEST
            self.notes.append(
                f"time limit: {LONGEST:,} of its own timesteps, as it registers none; to set one: "
                "--env-arg max_episode_steps=500"
            )
            env = self.make()
        self.solved = env.spec.reward_threshold
        metadata = env.metadata or {}
        rate = metadata.get("render_fps") or metadata.get("video.frames_per_second")
        rate = rate if isinstance(rate, Real) and 0 < rate < np.inf else 30
        self.timesteps_per_second = rate / self.action_repeat
        modes = metadata.get("render_modes") or metadata.get("render.modes") or ()
        self.can_be_drawn = "rgb_array" in modes
        self.actions: List[str] = LANDERS_ACTIONS if self.is_lander else env.action_names
        self.shares = (0.9, 0.95) if self.is_lander else (0.0, 0.0)
        self.gif = "lander.gif" if self.is_lander else "episodes.gif"
        self.spaces = {
            "observation": _whole(env.env.observation_space),
            "action": _whole(env.env.action_space),
        }
        try_out(env, str(self))
        env.close()

    @classmethod
    def from_manifest(
        cls,
        manifest: Dict[str, Any],
        id: Optional[str] = None,
        arguments: Optional[Dict[str, Any]] = None,
    ) -> "Environment":
        """Return the environment that the policy of a checkpoint learned.

        Args:
            manifest: the checkpoint's, with what `about` returned.
            id: the one that was asked for, if any. The same ID may come from another file, for
                the file may have moved.
            arguments: to take in place of those of the same names that it learned with.

        Raises:
            Problem: if another one was asked for, or its spaces are no longer the same.
        """
        own = manifest["environment"]
        if id and id.rpartition(":")[2] != own.rpartition(":")[2]:
            raise Problem(f"the checkpoint learned {own}, not {id}")
        arguments = {**loading.arguments_from_text(manifest["arguments"]), **(arguments or {})}
        environment = cls(id or own, arguments, manifest["action_repeat"])
        for kind, space in manifest.get("spaces", {}).items():
            if space != environment.spaces[kind]:
                raise Problem(
                    f"{environment} has changed: its {kind} space was {spaces.text(space)} in "
                    f"training and is {spaces.text(environment.spaces[kind])} now; undo that, or "
                    "train again"
                )
        return environment

    @property
    def manifest(self) -> Dict[str, Any]:
        """What a checkpoint's manifest keeps of it, in JSON's types; `learned` reads it."""
        return {
            "environment": self.id,
            "arguments": self._texts,
            "action_repeat": self.action_repeat,
            "spaces": self.spaces,
        }

    def __str__(self) -> str:
        place, _, name = self.id.rpartition(":")
        if loading.is_path(place):
            place = self.module or place
        id = f"{place}:{name}" if place else name
        changed = dict(self.arguments)
        if self.action_repeat != self._usual_repeat:
            changed["action_repeat"] = self.action_repeat
        return " ".join([id, *(f"{key}={value}" for key, value in changed.items())])

    @property
    def config(self) -> Dict[str, Any]:
        """What `make` makes one from, in other processes too, on whatever machine."""
        return {
            "environment": str(self),
            "spec": self._spec,
            "wrappers": self._wrappers,
            "action_repeat": self.action_repeat,
        }

    def make(self, render_mode: Optional[str] = None) -> Checked:
        """Return a new one: see `make`."""
        return make(self.config, render_mode)

    def check_rendering(self) -> None:
        """Draw two pictures, as watching does.

        Raises:
            Problem: if it cannot be made with render mode `rgb_array`, or these are no frames.
        """
        env = self.make("rgb_array")
        env.reset(seed=0)
        env.render()
        env.step(0)
        env.render()
        env.close()

    @property
    def evaluation_interval(self) -> int:
        """The least number of iterations between evaluations: more for long episodes."""
        return max(self._spec.max_episode_steps // 1_000, 1)

    @property
    def target(self) -> float:
        """`solved`, or infinity without one."""
        return np.inf if self.solved is None else self.solved

    def is_good(self, returns: np.ndarray, mean: float, share: float) -> bool:
        """Whether the mean of `returns`, shape (episodes,), is at least `mean`.

        Of landers, this share of the returns must reach `solved` as well: the mean alone may hide
        that every fourth one crashes.
        """
        safe = not self.is_lander or (returns >= self.solved).mean() >= share
        return bool(safe and returns.mean() >= mean)

    def is_solved(self, returns: np.ndarray) -> bool:
        """Whether at least 100 episodes average `solved`, and of landers nine in ten reach it."""
        if self.solved is None or len(returns) < 100:
            return False
        return self.is_good(returns, self.solved, 0.9)

    def verdict(self, observation: np.ndarray, truncated: bool, episode_return: float) -> str:
        """Return how an episode ended, in words, by its last timestep.

        A lander that has come to rest has a speed of exactly 0. Otherwise its body has touched
        the moon, or it has left the picture, where its observation's first value is -1 or 1.
        """
        if not self.is_lander:
            how = "time limit" if truncated else "ended"
        elif truncated:
            how = "out of time"
        elif not np.any(observation[2:4]):
            how = "landed"
        else:
            how = "crashed" if abs(observation[0]) < 1 else "flew away"
        return f"{how} {episode_return:+.0f}"


def load(id, arguments=(), action_repeat=None) -> Environment:
    return Environment(id, arguments, action_repeat)


def make(config: Dict[str, Any], render_mode: Optional[str] = None) -> Checked:
    """Return a new environment; every part of a run makes it here, and so do its workers.

    Args:
        config: that of an `Environment`.
        render_mode: `rgb_array` to draw it; None to play only.

    Raises:
        Problem: if it cannot be made; later, if it fails or breaks a promise.
    """
    name = config["environment"]
    options = {"render_mode": render_mode} if render_mode else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # gymnasium's advice; the checks decide
            env = gymnasium.make(config["spec"], **options)
            for wrapper, arguments in config["wrappers"]:
                env = wrapper(env, **arguments)
    except ANYTHING as error:
        how = f" with {render_mode=}, which its metadata lists" if render_mode else ""
        raise failure(f"{name} cannot be made{how}", error) from error
    if config["action_repeat"] > 1:
        env = ActionRepeat(env, config["action_repeat"])
    return Checked(env, name)


def _whole(space):
    return " ".join(str(space).split())
