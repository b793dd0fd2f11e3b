"""The environment to train on."""

import sys
import warnings
from typing import Any, Callable, Dict, Optional, Tuple

import gymnasium
import numpy as np

from starter import Problem
from starter.environments import loading
from starter.environments.blame import blaming, shorten
from starter.environments.checks import Checked, try_out
from starter.environments.loading import parse_arguments as parse_arguments

Arguments = Optional[Dict[str, Any]]
LONGEST = 10_000  # of its own timesteps in an episode, where the environment sets no limit


class Environment:
    """What a run knows about its environment, and the one place that makes it.

    Args:
        id: gymnasium's own, `module:ID` or `path/to/file.py:ID`; see README, part 10.
        arguments: more arguments of `gymnasium.make`, by name.
        action_repeat: how many of the environment's own timesteps an action lasts, by default
            `usual_repeat`. Everywhere else, these count as one timestep.

    It raises a `Problem` if it cannot be made or learned, or fails in its first timesteps.
    """

    usual_repeat = 1
    copies = 100  # the most that an evaluation opens at a time
    shares = (0.0, 0.0)  # of episodes that must reach `solved`: to be solved, to end training
    gif = "episodes.gif"  # the file for recorded episodes
    names: Tuple[str, ...] = ()  # of the actions; or else the environment's own `action_names`
    mirror: Optional[Callable] = None  # for an environment that is the same in a mirror
    idle = False  # whether action 0 does nothing

    def __init__(self, id: str, arguments: Arguments = None, action_repeat: Optional[int] = None):
        self.arguments = arguments or {}
        self.action_repeat = repeat = action_repeat or self.usual_repeat
        texts = loading.as_text(self.arguments)
        self.id, self._spec, module = loading.find(id)
        self.modules = loading.own(module)  # that workers on other machines need
        self.config = {"environment": self}  # for the `GymnasiumAdapter`
        words = [f"{module.__name__}:{self._spec.id}" if module else self._spec.id]
        words += [f"{name}={value}" for name, value in self.arguments.items()]
        if repeat != self.usual_repeat:
            words.append(f"action_repeat={repeat}")
        self._name = " ".join(words)
        with self.make() as env, self.make() as another:
            try_out(env, another)
            limit, self.notes = env.spec.max_episode_steps, env.notes  # to print before training
            if limit is None:
                limit = self._spec.max_episode_steps = LONGEST
                self.notes.append(
                    f"it sets no time limit, so an episode ends after {LONGEST:,} of its own "
                    "timesteps; to change that: --env-arg max_episode_steps=500"
                )
            self.evaluation_interval = max(limit // 1_000, 2)  # iterations between evaluations
            self.solved = self._spec.reward_threshold  # the mean return that counts, or None
            self.target = np.inf if self.solved is None else float(self.solved)
            self.timesteps_per_second = float(env.metadata.get("render_fps") or 30) / repeat
            self.can_be_drawn = "rgb_array" in env.metadata.get("render_modes", ())
            self.actions = list(self.names or env.action_names)
            own = {"observation": env.env.observation_space, "action": env.env.action_space}
            spaces = {kind: " ".join(str(space).split()) for kind, space in own.items()}
        self.manifest = {  # what a checkpoint keeps of it, in JSON's types
            "environment": self.id,
            "arguments": texts,
            "action_repeat": repeat,
            "spaces": spaces,
        }

    @staticmethod
    def from_manifest(
        manifest: Dict[str, Any], id: Optional[str] = None, arguments: Arguments = None
    ) -> "Environment":
        """Return the environment that the policy of a checkpoint was trained on.

        Its file may have moved, to `id`. `arguments` replace those of the same names. Raise a
        `Problem` if another one was asked for, or its spaces are no longer the same.
        """
        own = manifest["environment"]
        if id and id.rpartition(":")[2] != own.rpartition(":")[2]:
            raise Problem(f"the checkpoint was trained on {own}, not {id}")
        learned = {name: loading.parse(text) for name, text in manifest["arguments"].items()}
        learned.update(arguments or {})
        environment = load(id or own, learned, manifest["action_repeat"])
        for kind, now in environment.manifest["spaces"].items():
            then = manifest["spaces"][kind]
            if then != now:
                raise Problem(
                    f"{environment} has changed: its {kind} space was {shorten(then)} in "
                    f"training and is {shorten(now)} now; undo that, or train again"
                )
        return environment

    def __str__(self) -> str:
        return self._name

    def make(self, render_mode: Optional[str] = None) -> Checked:
        """Return a new one; close it, or use it in a `with` statement.

        To draw it, `render_mode` must be `rgb_array`. Raises a `Problem` if it cannot be made.
        """
        if "tensorflow" in sys.modules:  # an environment that uses it must see it as in training
            sys.modules["tensorflow"].compat.v1.disable_eager_execution()
        options = {**self.arguments, "autoreset": False, "disable_env_checker": True}
        if render_mode:
            options["render_mode"] = render_mode
        source = self._spec.entry_point
        what = f"{self}, {getattr(source, '__name__', source)} cannot be made"
        with blaming(what, source, "__init__"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # gymnasium's advice; the checks decide
            env = gymnasium.make(self._spec, **options)
        return Checked(env, str(self), self.action_repeat)

    def check_rendering(self) -> None:
        """Draw two frames, as watching does; raise a `Problem` if they cannot be shown."""
        with self.make("rgb_array") as env:
            env.reset(seed=0)
            env.render()
            env.step(0)
            env.render()

    def verdict(self, observation: np.ndarray, terminated: bool, episode_return: float) -> str:
        """Return in words how an episode ended, from its last timestep."""
        return f"{'ended' if terminated else 'time limit'} {episode_return:+.0f}"


class Lander(Environment):
    """gymnasium's LunarLander."""

    usual_repeat = 2
    shares = (0.9, 0.95)  # the mean alone may hide that one lander in four crashes
    idle = True
    gif = "lander.gif"
    names = ("do nothing", "left engine", "main engine", "right engine")

    @staticmethod
    def mirror(observations: np.ndarray, actions: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Swap left and right in observations, shape (n, 8), and actions, shape (m,)."""
        # x, its speed, the angle and its speed change their signs; the legs change places.
        signs = np.array([-1, 1, -1, 1, -1, -1, 1, 1], observations.dtype)
        swapped = (observations * signs)[:, [0, 1, 2, 3, 4, 5, 7, 6]]
        return swapped, np.array([0, 3, 2, 1])[actions]

    def verdict(self, observation: np.ndarray, terminated: bool, episode_return: float) -> str:
        if not terminated:
            how = "out of time"
        elif not np.any(observation[2:4]):  # at rest, its speed is exactly 0
            how = "landed"
        else:  # x is -1 or 1 at the edges of the picture
            how = "crashed" if abs(observation[0]) < 1 else "flew away"
        return f"{how} {episode_return:+.0f}"


def load(id: str, arguments: Arguments = None, action_repeat: Optional[int] = None) -> Environment:
    """Return the `Environment` with these arguments; a `Lander`, if it is gymnasium's lander."""
    kind = Lander if id.startswith("LunarLander-") else Environment
    return kind(id, arguments, action_repeat)
