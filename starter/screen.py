"""Where frames go: a window, or a GIF where there is no display to open one on."""

import os
import sys
import zlib
from contextlib import contextmanager

import pygame
from PIL import Image

from starter import Problem
from starter.run_folder import replacing

FRAMES_PER_SECOND = 50  # LunarLander's metadata["render_fps"]
GIF_WIDTH = 400  # pixels
GIF_COLORS = 64
GIF_EVERY = 2  # frames; browsers cap GIFs near 50 a second, and half is smooth enough


class WindowClosed(Exception):
    """The user closed the window, or pressed Escape."""


def require_window():
    """Make sure that a window can be opened.

    Raises:
        Problem: if none can.
    """
    try:
        _open_window().close()
    except NoWindow as reason:
        raise Problem(f"{reason}; use --render gif, or leave --render out") from None


@contextmanager
def open_view(render, gif):
    """Give what `render` names: a `Window`, a `Gif` or, for "none", None; then close it.

    Args:
        render: "window", "gif", "none", or "auto": a window if one can be opened,
            else a GIF.
        gif: the path of the GIF.

    Raises:
        Problem: if the window cannot be opened, or the GIF not be written.
    """
    reason = None
    view = None
    if render == "window":
        require_window()
    if render in ("window", "auto"):
        try:
            view = _open_window()
        except NoWindow as caught:
            reason = caught
    if render == "gif" or reason:
        view = Gif(gif)
    try:
        yield view
    finally:
        if view:
            view.close()
    if isinstance(view, Gif):
        print(f"{reason}: wrote {gif} instead" if reason else f"wrote {gif}")


def _open_window():
    window = Window()
    driver = pygame.display.get_driver()
    if driver in ("dummy", "offscreen"):
        window.close()
        raise NoWindow(f"no display (SDL's {driver} driver shows nothing)")
    return window


class NoWindow(Exception):
    """No window can be opened here; the message says why."""


class Window:
    """A pygame window that shows one frame after another at the game's own speed.

    Raises:
        NoWindow: if there is no display to open it on.
    """

    def __init__(self):
        variables = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
        if sys.platform.startswith("linux") and not any(map(os.environ.get, variables)):
            raise NoWindow("no display (DISPLAY and WAYLAND_DISPLAY are not set)")
        try:
            pygame.display.init()
        except pygame.error as error:
            raise NoWindow(f"no display ({error})") from None
        self._surface = None
        self._clock = pygame.time.Clock()

    def show(self, frame, title):
        """Draw a frame, an array of shape (height, width, 3), when its time has come.

        Raises:
            WindowClosed: at the close button or Escape.
        """
        if self._surface is None:
            self._surface = pygame.display.set_mode((frame.shape[1], frame.shape[0]))
        for event in pygame.event.get():
            escape = event.type == pygame.KEYDOWN and event.key == pygame.K_ESCAPE
            if event.type == pygame.QUIT or escape:
                raise WindowClosed
        pygame.display.set_caption(title)
        pygame.surfarray.blit_array(self._surface, frame.swapaxes(0, 1))
        pygame.display.flip()
        self._clock.tick(FRAMES_PER_SECOND)

    def close(self):
        pygame.display.quit()


class Gif:
    """Gathers frames for an animated GIF that plays at the game's speed and loops.

    Args:
        path: the file that `close` writes, whole or not at all.
    """

    def __init__(self, path):
        self._path = path
        self._size = None
        self._frames = []  # compressed: a thousand of them take a few MB, not 300
        self._shown = 0

    def show(self, frame, title):
        """Take a frame, an array of shape (height, width, 3); `title` has no place here."""
        if self._shown % GIF_EVERY == 0:
            self._size = (GIF_WIDTH, round(frame.shape[0] * GIF_WIDTH / frame.shape[1]))
            image = Image.fromarray(frame).resize(self._size, Image.Resampling.BILINEAR)
            self._frames.append(zlib.compress(image.tobytes(), 1))
        self._shown += 1

    def close(self):
        """Write the file.

        Raises:
            Problem: if it cannot be written.
        """
        if not self._frames:
            return
        # One palette for all frames, so that what does not move is stored only once.
        sampled = self._frames[:: len(self._frames) // 50 + 1]
        palette = Image.frombytes(
            "RGB",
            (self._size[0], self._size[1] * len(sampled)),
            b"".join(map(zlib.decompress, sampled)),
        ).quantize(GIF_COLORS)
        images = (self._image(frame, palette) for frame in self._frames)
        with replacing(self._path) as scratch:
            next(images).save(
                scratch,
                format="GIF",
                save_all=True,
                append_images=images,
                duration=1000 * GIF_EVERY // FRAMES_PER_SECOND,
                loop=0,
            )

    def _image(self, frame, palette):
        image = Image.frombytes("RGB", self._size, zlib.decompress(frame))
        return image.quantize(palette=palette, dither=Image.Dither.NONE)
