"""Where flights are shown: in a window, in a GIF where there is no display, or nowhere."""

import zlib
from contextlib import contextmanager
from enum import Enum
from itertools import count

import numpy as np
from typer import Option

from starter import Problem
from starter.display.gif import Gif
from starter.display.overlay import Flight, Panel, surface
from starter.display.window import NoWindow, WindowClosed, open_window

EPISODES = 3  # unless told, or until the window is closed
HELD = 2  # seconds, for the end of a flight


class Render(str, Enum):
    """Where to show the policy."""

    auto = "auto"
    window = "window"
    gif = "gif"
    none = "none"


# Flags of every command that shows flights.
RENDER_FLAG = Option("auto", help="Where to show it; auto: a window, or a GIF.")
EPISODES_FLAG = Option(
    None,
    min=1,
    help="Number of episodes to show.",
    show_default=f"{EPISODES}; in a window, until you close it",
)
PLAIN_FLAG = Option(False, "--plain", help="Hide the panel with the network's estimates.")


class View:
    """Shows flights nowhere: it renders nothing. Its subclasses do.

    Args:
        environment: the `Environment` that is flown.
        config: the policy's, of which the Q-values' scale and their discount are read.
        plain: whether to leave out what the network thinks.

    Attributes:
        render_mode: the one to make the environment with.
    """

    render_mode = None

    def __init__(self, environment, config, plain=False):
        self._environment, self._gamma = environment, config["gamma"]
        self._reward_scale = config["replay_buffer_config"].get("reward_scale", 1)
        self._panel = None if plain else Panel(environment.actions)

    def flights(self, episodes=None):
        """Yield a new `Flight` for each episode."""
        yield from map(Flight, range(1, (episodes or EPISODES) + 1))

    def show(self, flight, render, q_values, action):
        """Show a timestep before it is taken.

        Args:
            flight: the `Flight`; its `rewards` grow by one per timestep.
            render: called without arguments if its frame is wanted, an array of shape
                (height, width, 3) and type uint8.
            q_values: the network's, shape (actions,). It learned from scaled rewards: divided
                by the scale, they are expected returns.
            action: the index of the chosen one.
        """
        returns = np.asarray(q_values, float) / self._reward_scale
        # A network that has diverged is shown as zeros.
        flight.add(np.nan_to_num(returns, posinf=0.0, neginf=0.0), int(action))

    def end(self, flight, render, verdict):
        """Show how a flight ended, in words, with the returns that followed each timestep."""
        flight.end(self._gamma)
        if self._panel:
            self._panel.fit(flight)

    def close(self):
        """Finish what was begun."""

    def _draw(self, frame, flight, timestep=-1, verdict=None):
        if self._panel is None:
            return surface(frame)
        return self._panel.draw(frame, flight, timestep, verdict)


class WindowView(View):
    """Shows flights in a window, as they happen."""

    render_mode = "rgb_array"

    def __init__(self, environment, config, plain=False):
        super().__init__(environment, config, plain)
        self._window = open_window(environment.timesteps_per_second)

    def flights(self, episodes=None):
        print(
            f"showing {self._environment} in a window; to close it, press Esc there or Ctrl-C here"
        )
        self._window.note = "" if episodes else "     (plays until closed)"
        yield from map(Flight, range(1, episodes + 1) if episodes else count(1))

    def show(self, flight, render, q_values, action):
        super().show(flight, render, q_values, action)
        self._window.show(self._draw(render(), flight), self._title(flight))

    def end(self, flight, render, verdict):
        super().end(flight, render, verdict)
        picture = self._draw(render(), flight, verdict=verdict)
        times = max(round(HELD * self._environment.timesteps_per_second), 1)
        self._window.show(picture, self._title(flight), times)

    def _title(self, flight):
        so_far = sum(flight.rewards)
        return f"{self._environment}: episode {flight.episode}, return {so_far:.0f}"

    def close(self):
        self._window.close()


class GifView(View):
    """Gathers flights, and draws them in a GIF when what followed each timestep is known."""

    render_mode = "rgb_array"

    def __init__(self, environment, config, plain, path):
        super().__init__(environment, config, plain)
        self._gif = Gif(path, environment.timesteps_per_second)
        self._moments = []

    def show(self, flight, render, q_values, action):
        super().show(flight, render, q_values, action)
        timestep = len(flight.actions) - 1
        if timestep % self._gif.every == 0:
            self._keep(render(), flight, timestep)

    def end(self, flight, render, verdict):
        super().end(flight, render, verdict)
        self._keep(render(), flight, verdict=verdict)

    def _keep(self, frame, *moment, **ending):
        # Compressed: a frame takes some KB, not one MB.
        self._moments.append((zlib.compress(frame.tobytes(), 1), frame.shape, moment, ending))

    def close(self):
        """Draw and write it.

        Raises:
            Problem: if it cannot be written.
        """
        self._moments.sort(key=lambda moment: moment[2][0].episode)
        for packed, shape, moment, ending in self._moments:
            frame = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(shape)
            times = max(round(1000 * HELD / self._gif.duration), 1) if ending else 1
            self._gif.add(self._draw(frame, *moment, **ending), times)
        self._gif.close()


def check_can_render(render, environment):
    """Make sure that `environment` can be shown where it is to be.

    Args:
        render: a `Render`; `auto` can always be done.
        environment: the `Environment`.

    Raises:
        Problem: if it cannot: it draws something else than frames, or there is no display.
    """
    if render in (Render.window, Render.gif) and not environment.can_be_drawn:
        raise Problem(
            f"{environment} has no render mode rgb_array and cannot be drawn; leave --render out"
        )
    if render != Render.none and environment.can_be_drawn and not environment.is_lander:
        environment.check_rendering()
    if render == Render.window:
        try:
            open_window().close()
        except NoWindow as reason:
            raise Problem(f"{reason}; use --render gif, or leave --render out") from None


@contextmanager
def open_view(render, folder, environment, config, plain=False):
    """Yield the view that `render` names, and close it; closing the window or Ctrl-C ends it.

    Args:
        render: a `Render`; `auto` is a window if one can be opened, else a GIF.
        folder: where to write the GIF.
        environment: the `Environment` that is flown.
        config: the policy's.
        plain: whether to leave out what the network thinks.

    Raises:
        Problem: if the window cannot be opened, or the GIF cannot be written.
    """
    check_can_render(render, environment)
    gif = folder / ("lander.gif" if environment.is_lander else "episodes.gif")
    view, wrote = None, f"wrote {gif}"
    if not environment.can_be_drawn and render != Render.none:
        print(f"{environment} cannot be drawn: it has no render mode rgb_array")
        render = Render.none
    if render in (Render.window, Render.auto):
        try:
            view = WindowView(environment, config, plain)
        except NoWindow as reason:
            render, wrote = Render.gif, f"{reason}: wrote {gif} instead"
    if render == Render.gif:
        view = GifView(environment, config, plain, gif)
    view = view or View(environment, config)
    try:
        yield view
    except (WindowClosed, KeyboardInterrupt):
        pass
    finally:
        view.close()
    if render == Render.gif:
        print(wrote)
