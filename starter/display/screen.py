"""Where frames go: a window, or a GIF where there is no display to open one on."""

import os
import sys
import time
import zlib
from contextlib import contextmanager
from enum import Enum

import numpy as np
import pygame
from PIL import GifImagePlugin, Image

from starter import Problem
from starter.storage.files import replacing

KEYS = "space: pause    Esc: close"
KEYS_PAUSED = "paused    space: go on    right arrow: one frame    Esc: close"
LINE_HEIGHT = 26  # pixels, for the keys under the picture
GIF_COLORS = 64
TRANSPARENT = GIF_COLORS - 1  # the color that means: as in the frame before
GIF_FRAMES_PER_SECOND = 25  # at most: browsers cap GIFs near 50, and half is smooth enough
LONG = 1000  # frames


class Render(str, Enum):
    """Where to show the policy."""

    auto = "auto"
    window = "window"
    gif = "gif"
    none = "none"


class WindowClosed(Exception):
    """The user closed the window, or pressed Escape."""


def require(render, game):
    """Make sure that `game` can be shown where it is to be.

    Args:
        render: a `Render`; `auto` can always be done.
        game: the `environments.Environment`.

    Raises:
        Problem: if it cannot.
    """
    if render in (Render.window, Render.gif) and not game.can_be_drawn:
        raise Problem(
            f"{game} cannot be drawn, without a render mode rgb_array; leave --render out"
        )
    if render == Render.window:
        try:
            _open_window().close()
        except NoWindow as reason:
            raise Problem(f"{reason}; use --render gif, or leave --render out") from None


@contextmanager
def open_view(render, folder, game):
    """Give what `render` names: a `Window`, a `Gif`, or None for nothing; then close it.

    Args:
        render: a `Render`; `auto` is a window if one can be opened, else a GIF.
        folder: where to write the GIF.
        game: the `environments.Environment` that is shown.

    Raises:
        Problem: if the window cannot be opened, or the GIF not be written.
    """
    require(render, game)
    reason = view = None
    gif = folder / ("lander.gif" if game.is_lander else "episodes.gif")
    if not game.can_be_drawn and render != Render.none:
        print(f"{game} cannot be drawn: it has no render mode rgb_array")
        render = Render.none
    if render in (Render.window, Render.auto):
        try:
            view = _open_window(game.frames_per_second)
        except NoWindow as caught:
            reason = caught
    if render == Render.gif or reason:
        view = Gif(gif, game.frames_per_second)
    try:
        yield view
    finally:
        if view:
            view.close()
    if isinstance(view, Gif):
        print(f"{reason}: wrote {gif} instead" if reason else f"wrote {gif}")


def _open_window(frames_per_second=50):
    window = Window(frames_per_second)
    driver = pygame.display.get_driver()
    if driver in ("dummy", "offscreen"):
        window.close()
        raise NoWindow(f"no display (SDL's {driver} driver shows nothing)")
    return window


class NoWindow(Exception):
    """No window can be opened here; the message says why."""


class Window:
    """A pygame window that shows one frame after another at the game's own speed.

    Args:
        frames_per_second: that speed.

    Raises:
        NoWindow: if there is no display to open it on.
    """

    def __init__(self, frames_per_second):
        self._frame_time = 1 / frames_per_second
        variables = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
        if sys.platform.startswith("linux") and not any(map(os.environ.get, variables)):
            raise NoWindow("no display (DISPLAY and WAYLAND_DISPLAY are not set)")
        try:
            pygame.display.init()
        except pygame.error as error:
            raise NoWindow(f"no display ({error})") from None
        pygame.font.init()
        self._font = pygame.font.Font(None, 20)
        self._surface = None
        self._paused = False
        self._due = 0.0  # when the next frame's time has come

    def show(self, frame, title, times=1):
        """Show a frame, an array of shape (height, width, 3), for so many frames' time.

        Returns when the next one can be drawn; while paused, when the user asks for it.

        Raises:
            WindowClosed: at the close button or Escape.
        """
        height, width = frame.shape[:2]
        if self._surface is None:
            self._surface = pygame.display.set_mode((width, height + LINE_HEIGHT))
        self._wait()
        pygame.display.set_caption(title)
        pygame.surfarray.blit_array(
            self._surface.subsurface((0, 0, width, height)), frame.swapaxes(0, 1)
        )
        self._draw_keys()
        while not self._handle_keys() and (self._paused or times > 1):
            times -= not self._paused
            self._wait()

    def _handle_keys(self):
        """Do what was pressed; true if one frame is to follow."""
        for event in pygame.event.get():
            key = event.key if event.type == pygame.KEYDOWN else None
            if event.type == pygame.QUIT or key == pygame.K_ESCAPE:
                raise WindowClosed
            if event.type == pygame.VIDEOEXPOSE:  # another window was in front
                pygame.display.flip()
            if key == pygame.K_SPACE:
                self._paused = not self._paused
                self._draw_keys()
            if key == pygame.K_RIGHT and self._paused:
                return True
        return False

    def _wait(self):
        """Until the next frame's time has come, by the clock: no delay adds up."""
        now = time.perf_counter()
        if now > self._due + 0.1:  # far behind: rather late than in haste
            self._due = now
        time.sleep(max(self._due - now, 0))
        self._due += self._frame_time

    def _draw_keys(self):
        line = pygame.Surface((self._surface.get_width(), LINE_HEIGHT))
        keys = KEYS_PAUSED if self._paused else KEYS
        image = self._font.render(keys, True, (150, 150, 150))
        line.blit(image, image.get_rect(center=line.get_rect().center))
        self._surface.blit(line, (0, self._surface.get_height() - LINE_HEIGHT))
        pygame.display.flip()

    def close(self):
        pygame.display.quit()


class Gif:
    """Gathers frames for an animated GIF that plays at the game's speed and loops.

    Args:
        path: the file that `close` writes, whole or not at all.
        frames_per_second: the game's speed.
    """

    def __init__(self, path, frames_per_second):
        self._path = path
        self._every = max(round(frames_per_second / GIF_FRAMES_PER_SECOND), 1)
        self._duration = round(100 * self._every / frames_per_second) * 10  # ms, whole 1/100 s
        self._size = None
        self._frames = []  # compressed: a thousand of them take a few MB, not 1,000
        self._shown = 0

    def show(self, frame, title, times=1):
        """Take a frame, an array of shape (height, width, 3); `title` has no place here."""
        self._size = (frame.shape[1], frame.shape[0])
        for _ in range(times):
            if self._shown % self._every == 0:
                self._frames.append(zlib.compress(frame.tobytes(), 1))
            self._shown += 1

    def close(self):
        """Write the file.

        Raises:
            Problem: if it cannot be written.
        """
        if not self._frames:
            return
        with replacing(self._path) as scratch, scratch.open("wb") as file:
            file.writelines(self._blocks())

    def _blocks(self):
        """The file's contents, piece by piece.

        Pillow would write an animation in one call, but it would hold every frame unpacked,
        and store anew what has not changed since the frame before.
        """
        palette, colors = self._palette()
        image = Image.new("P", self._size)
        image.putpalette(colors)
        yield from GifImagePlugin.getheader(image, info={"loop": 0})[0]
        before = waiting = None
        # Of flights this long, every second frame again: three of 20 s each stay under 3 MB.
        thinner = 1 + len(self._frames) // LONG
        duration = thinner * self._duration
        for frame in self._frames[::thinner]:
            image = Image.frombytes("RGB", self._size, zlib.decompress(frame))
            pixels = np.asarray(image.quantize(palette=palette, dither=Image.Dither.NONE))
            changed = np.ones_like(pixels, bool) if before is None else pixels != before
            before = pixels
            if not changed.any():
                waiting["duration"] += duration
                continue
            if waiting:
                yield from GifImagePlugin.getdata(**waiting)
            rows, columns = changed.any(1).nonzero()[0], changed.any(0).nonzero()[0]
            box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            part = Image.fromarray(np.where(changed, pixels, TRANSPARENT)[box], "P")
            part.putpalette(colors)
            waiting = {
                "im": part,
                "offset": (int(columns[0]), int(rows[0])),
                "duration": duration,
                "transparency": TRANSPARENT,
                "disposal": 1,  # what was drawn stays
            }
        yield from GifImagePlugin.getdata(**waiting)
        yield b";"

    def _palette(self):
        """One palette for all frames, as an image and as bytes with an entry to spare."""
        sampled = self._frames[:: len(self._frames) // 50 + 1]
        palette = Image.frombytes(
            "RGB",
            (self._size[0], self._size[1] * len(sampled)),
            b"".join(map(zlib.decompress, sampled)),
        ).quantize(TRANSPARENT)
        return palette, bytes(palette.getpalette()[: 3 * TRANSPARENT]).ljust(3 * GIF_COLORS, b"\0")
