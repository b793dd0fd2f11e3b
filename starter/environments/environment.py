"""The environment that is learned: what a run knows of it, and how each part makes one."""

import sys
import warnings
from numbers import Real
from typing import Any, Dict, Iterable, Optional, Tuple, Union

import gymnasium
import numpy as np
from gymnasium.envs.registration import load_env_creator

from starter import Problem
from starter.environments import loading
from starter.environments.action_repeat import ActionRepeat
from starter.environments.blame import ANYTHING, problem
from starter.environments.checks import Checked, try_out
from starter.environments.loading import parse_arguments
from starter.environments.spaces import shorten

__all__ = ["Environment", "Lander", "load", "make", "parse_arguments"]

Arguments = Union[Dict[str, Any], Iterable[Tuple[str, Any]]]
LONGEST = 10_000  # of its own timesteps in an episode, where the environment sets no limit


def load(id: str, arguments: Arguments = (), action_repeat: Optional[int] = None) -> "Environment":
    """Return the environment with this ID: a `Lander` for gymnasium's own LunarLander.

    The arguments and errors are those of `Environment`.
    """
    kind = Lander if id.startswith("LunarLander-") else Environment
    return kind(id, arguments, action_repeat)


class Environment:
    """What a run knows of its environment. Training, evaluation and watching make it from here.

    Args:
        id: gymnasium's own, `module:ID` or `path/to/file.py:ID`; see README, part 10.
        arguments: more of `gymnasium.make`'s, by name.
        action_repeat: how many of its timesteps each action is repeated for; by default
            `usual_repeat`. Below, a timestep is that many of its own.

    Attributes:
        id, arguments, action_repeat: as they were given, with an absolute path and the default.
        module: the name of the user's module; None if it is gymnasium's or an installed package.
        modules: the names of all modules that workers on other machines need to be sent.
        solved: the mean return that its `reward_threshold` asks for; None without one.
        target: `solved`, or infinity without one.
        shares: the share of an evaluation's episodes that must reach `solved`, to count as
            solved, and to end training.
        actions: the names of its actions: its attribute `action_names`, if it has one.
        timesteps_per_second: how many timesteps are shown in a second.
        evaluation_interval: the least number of iterations between evaluations.
        can_be_drawn: whether its metadata has the render mode `rgb_array`.
        gif: the name of the file for recorded episodes.
        notes: what is worth knowing before training, a line for each: what was done to its
            spaces, and a time limit that it did not set. The lander has none.
        spaces: its own spaces, as strings, by "observation" and "action".
        config: what `make` makes one from, in other processes too.
        copies: how many copies an evaluation may have open at once; 100 unless set otherwise.

    Raises:
        Problem: if it cannot be made, fails in its first timesteps, breaks gymnasium's interface,
            or has spaces that this DQN cannot learn.
    """

    usual_repeat = 1
    copies = 100
    shares: Tuple[float, float] = (0.0, 0.0)
    gif = "episodes.gif"
    names: Optional[Tuple[str, ...]] = None  # of the actions, if the environment has none

    def __init__(self, id: str, arguments: Arguments = (), action_repeat: Optional[int] = None):
        self.id, self.arguments = loading.absolute(id), dict(arguments)
        self.action_repeat = action_repeat or self.usual_repeat
        loading.as_text(self.arguments)  # or a checkpoint could not keep them
        spec, module = loading.find(self.id, self.arguments)
        self.modules = loading.own(module)
        self.module = module.__name__ if self.modules else None
        repeat = self.action_repeat
        self.config = {"environment": str(self), "spec": spec, "action_repeat": repeat}
        with self.make() as env, self.make() as another:
            limit, self.notes = env.spec.max_episode_steps, env.notes
            if limit is None:
                limit = spec.max_episode_steps = LONGEST
                self.notes.append(
                    f"time limit: {LONGEST:,} of its own timesteps, as it registers none; to set "
                    "one: --env-arg max_episode_steps=500"
                )
            self.evaluation_interval = max(limit // 1_000, 1)  # fewer for long episodes
            self.solved = spec.reward_threshold
            self.target = np.inf if self.solved is None else self.solved
            metadata = env.metadata or {}
            rate = metadata.get("render_fps")
            known = isinstance(rate, Real) and 0 < rate < np.inf
            self.timesteps_per_second = (float(rate) if known else 30.0) / repeat
            self.can_be_drawn = "rgb_array" in (metadata.get("render_modes") or ())
            self.actions = list(self.names or env.action_names)
            own = {"observation": env.env.observation_space, "action": env.env.action_space}
            self.spaces = {kind: " ".join(str(space).split()) for kind, space in own.items()}
            try_out(env, another, str(self))

    @staticmethod
    def from_manifest(
        manifest: Dict[str, Any], id: Optional[str] = None, arguments: Arguments = ()
    ) -> "Environment":
        """Return the environment that the policy of a checkpoint learned.

        Args:
            manifest: the checkpoint's; it has what the property `manifest` returned.
            id: the one that was asked for, if any; its file may have moved.
            arguments: to take in place of those of the same names that it learned with.

        Raises:
            Problem: if another one was asked for, or its spaces are no longer the same.
        """
        own = manifest["environment"]
        if id and id.rpartition(":")[2] != own.rpartition(":")[2]:
            raise Problem(f"the checkpoint learned {own}, not {id}")
        learned = {name: loading.parse(text) for name, text in manifest["arguments"].items()}
        learned.update(arguments or {})
        environment = load(id or own, learned, manifest["action_repeat"])
        for kind, space in manifest.get("spaces", {}).items():
            now = environment.spaces[kind]
            if space != now:
                raise Problem(
                    f"{environment} has changed: its {kind} space was {shorten(space)} in "
                    f"training and is {shorten(now)} now; undo that, or train again"
                )
        return environment

    @property
    def manifest(self) -> Dict[str, Any]:
        """What a checkpoint keeps of it, in JSON's types; `from_manifest` reads it."""
        own = {"environment": self.id, "arguments": loading.as_text(self.arguments)}
        return {**own, "action_repeat": self.action_repeat, "spaces": self.spaces}

    def __str__(self) -> str:
        place, _, name = self.id.rpartition(":")
        if loading.is_path(place):
            place = self.module or place
        id = f"{place}:{name}" if place else name
        changed = dict(self.arguments)
        if self.action_repeat != self.usual_repeat:
            changed["action_repeat"] = self.action_repeat
        return " ".join([id, *(f"{key}={value}" for key, value in changed.items())])

    def make(self, render_mode: Optional[str] = None) -> Checked:
        """Return a new one, to be closed or used in a `with` statement."""
        return make(self.config, render_mode)

    def check_rendering(self) -> None:
        """Draw two pictures, as watching does; raise a Problem if these are no frames."""
        with self.make("rgb_array") as env:
            env.reset(seed=0)
            env.render()
            env.step(0)
            env.render()

    def verdict(self, observation: np.ndarray, truncated: bool, episode_return: float) -> str:
        """Return how an episode ended, in words, by its last timestep."""
        return f"{'time limit' if truncated else 'ended'} {episode_return:+.0f}"


class Lander(Environment):
    """gymnasium's LunarLander, of whose actions and ends more can be said."""

    usual_repeat = 2
    shares = (0.9, 0.95)  # the mean alone may hide that every fourth lander crashes
    gif = "lander.gif"
    names = ("do nothing", "left engine", "main engine", "right engine")

    def check_rendering(self) -> None:
        pass  # gymnasium's picture needs no check

    def verdict(self, observation: np.ndarray, truncated: bool, episode_return: float) -> str:
        if truncated:
            how = "out of time"
        elif not np.any(observation[2:4]):  # at rest, its speed is exactly 0
            how = "landed"
        else:  # x is -1 or 1 at the edges of the picture
            how = "crashed" if abs(observation[0]) < 1 else "flew away"
        return f"{how} {episode_return:+.0f}"


def make(config: Dict[str, Any], render_mode: Optional[str] = None) -> Checked:
    """Return a new environment from an `Environment.config`; every part of a run makes it here.

    `render_mode` is `rgb_array` to draw it. Raises a Problem if it cannot be made; later, if it
    fails or breaks gymnasium's interface.
    """
    if "tensorflow" in sys.modules:  # one that the environment uses must be as in training
        sys.modules["tensorflow"].compat.v1.disable_eager_execution()
    name, source = config["environment"], config["spec"].entry_point
    options = {"render_mode": render_mode} if render_mode else {}
    try:
        if isinstance(source, str):
            source = load_env_creator(source)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # gymnasium's advice; the checks decide
            env = gymnasium.make(config["spec"], **options)
    except ANYTHING as error:
        how = f" with {render_mode=}, which its metadata lists" if render_mode else ""
        kind = getattr(source, "__name__", source)
        raise problem(f"{name}, {kind} cannot be made{how}", error, source, "__init__") from error
    if config["action_repeat"] > 1:
        env = ActionRepeat(env, config["action_repeat"])
    return Checked(env, name)
