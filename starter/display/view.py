"""Where flights are shown: in a window, in a GIF if there is no display, or nowhere."""

from contextlib import contextmanager
from enum import Enum
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional

import numpy as np
from typer import Option

from starter import Problem
from starter.display.gif import Gif
from starter.display.panel import Flight, Panel, surface
from starter.display.window import NoWindow, Window, WindowClosed

EPISODES = 3  # by default; a window shows more, until it is closed
HELD = 2  # seconds, for the end of a flight

Renderer = Callable[[], np.ndarray]  # returns a frame, shape (height, width, 3) and type uint8


class Render(str, Enum):
    """Where to show the policy."""

    auto = "auto"
    window = "window"
    gif = "gif"
    none = "none"


# Flags of every command that shows flights.
RENDER_FLAG = Option("auto", help="Show the flights this way; auto: in a window, or else a GIF.")
EPISODES_FLAG = Option(
    None,
    min=1,
    help="Show this many episodes.",
    show_default=f"{EPISODES}; in a window, until you close it",
)
PLAIN_FLAG = Option(False, "--plain", help="Hide the panel with the network's estimates.")


class View:
    """Shows flights on a screen (a `Window` or a `Gif`), or keeps track of them without one.

    Its `render_mode` is the one to make the environment with. See `open_view`.
    """

    def __init__(self, screen, environment, policy_config: Dict[str, Any], plain: bool):
        self._screen, self._environment = screen, environment
        self._gamma = policy_config["gamma"]
        self._reward_scale = policy_config["replay_buffer_config"].get("reward_scale", 1)
        self._panel = None if plain else Panel(environment.actions)
        self.render_mode = "rgb_array" if screen else None

    def flights(self, episodes: Optional[int] = None) -> Iterator[Flight]:
        """Yield a new `Flight` for each episode; in a window, by default, without an end."""
        endless = episodes is None and isinstance(self._screen, Window)
        return map(Flight, count(1) if endless else range(1, (episodes or EPISODES) + 1))

    def show(self, flight: Flight, render: Renderer, q_values: np.ndarray, action: int) -> None:
        """Show a timestep, before its action is taken; the caller then adds to `flight.rewards`.

        `render` is called only if a frame is needed. The pilot's `q_values`, shape (actions,),
        are expected returns times the scale of rewards in training.
        """
        returns = np.asarray(q_values, float) / self._reward_scale
        # The estimates of a network that has diverged are shown as zeros.
        flight.q_values.append(np.nan_to_num(returns, posinf=0.0, neginf=0.0))
        flight.actions.append(int(action))
        if self._screen and (len(flight.actions) - 1) % self._screen.every == 0:
            self._show(flight, render())

    def end(self, flight: Flight, render: Renderer, verdict: str) -> None:
        """Show how a flight ended, in words."""
        flight.end(self._gamma)
        if self._screen:
            self._show(flight, render(), verdict, HELD)

    def _show(self, flight, frame, verdict=None, seconds=0):
        draw = surface
        if self._panel:
            self._panel.fit(flight)
            timestep = len(flight.actions) - 1
            draw = partial(self._panel.draw, flight=flight, timestep=timestep, verdict=verdict)
        so_far = sum(flight.rewards)
        title = f"{self._environment}: episode {flight.episode}, return {so_far:.0f}"
        self._screen.show(frame, draw, title, seconds)


def check_can_render(render: Render, environment) -> None:
    """Raise a `Problem`, before training, if flights cannot be shown where the user wants."""
    if render == Render.none:
        return
    if environment.can_be_drawn:
        environment.check_rendering()
    elif render != Render.auto:
        raise Problem(
            f"{environment} has no render mode rgb_array and cannot be drawn; leave --render out"
        )
    if render == Render.window:
        try:
            Window().close()
        except NoWindow as reason:
            raise Problem(f"{reason}; use --render gif, or leave --render out") from None


@contextmanager
def open_view(
    render: Render, folder: Path, environment, policy_config: Dict[str, Any], plain: bool = False
) -> Iterator[View]:
    """Provide a view until the `with` block is done, its window is closed, or Ctrl-C.

    A GIF in `folder` takes the place of a window that cannot be opened; raise a `Problem` if it
    cannot be written. A `plain` view hides the panel.
    """
    screen = None
    if render != Render.none and environment.can_be_drawn:
        screen = _screen(render, folder / environment.gif, environment)
    elif render != Render.none:
        print(f"{environment} cannot be drawn: it has no render mode rgb_array")
    try:
        yield View(screen, environment, policy_config, plain)
    except (WindowClosed, KeyboardInterrupt):
        pass
    finally:
        if screen:
            screen.close()


def _screen(render, path, environment):
    speed, reason = environment.timesteps_per_second, ""
    if render != Render.gif:
        try:
            window = Window(speed)
            print(f"showing {environment} in a window; Esc there or Ctrl-C here closes it")
            return window
        except NoWindow as error:
            reason = str(error)
    return Gif(path, speed, reason)
