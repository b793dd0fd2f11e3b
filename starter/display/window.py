"""A window that shows one picture after another at the environment's speed."""

import os
import sys
import time

import numpy as np
import pygame

from starter.display.panel import FAINT, SMALL, Draw, write

KEYS = "space: pause     Esc: close"
KEYS_PAUSED = "paused     right arrow: one timestep     space: resume     Esc: close"
LINE_HEIGHT = 26  # pixels, for the keys under the picture


class WindowClosed(Exception):
    """The user closed the window, or pressed Escape."""


class NoWindow(Exception):
    """No window can be opened here; the message says why."""


class Window:
    """A resizable pygame window, hidden until the first picture; or raise `NoWindow`."""

    every = 1  # it shows each timestep

    def __init__(self, timesteps_per_second: float = 50):
        variables = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
        if sys.platform.startswith("linux") and not any(map(os.environ.get, variables)):
            raise NoWindow("no display (DISPLAY and WAYLAND_DISPLAY are not set)")
        try:
            pygame.display.init()
            driver = pygame.display.get_driver()
            if driver in ("dummy", "offscreen"):
                raise pygame.error(f"SDL's {driver} driver shows nothing")
            width, height = pygame.display.get_desktop_sizes()[0]
            pygame.display.set_mode((1, 1), pygame.HIDDEN)  # some displays fail only here
            pygame.display.quit()  # this one, enlarged, would keep its corner: half off the screen
            pygame.display.init()
        except pygame.error as error:
            self.close()
            raise NoWindow(f"no display ({error})") from None
        self._room = pygame.Rect(0, 0, 0.9 * width, 0.9 * height)
        self._seconds = 1 / timesteps_per_second
        self._picture, self._paused = None, False
        self._due = 0.0  # when the next picture is due

    def show(self, frame: np.ndarray, draw: Draw, title: str, seconds: float = 0) -> None:
        """Show the picture that `draw` makes of a frame, and return when the next one is due.

        That is after a timestep or `seconds`, counted from when this picture was due, so that
        delays do not add up; if paused, when a key is pressed. Raise `WindowClosed` after a click
        on the close button, or Escape.
        """
        is_first, self._picture = self._picture is None, draw(frame)
        if is_first:
            window = self._picture.get_rect()
            window.height += LINE_HEIGHT
            if not self._room.contains(window):
                window = window.fit(self._room)
            pygame.display.set_mode(window.size, pygame.RESIZABLE)
            pygame.key.set_repeat(400, 100)  # the right arrow, held, is slow motion
        pygame.display.set_caption(title)
        self._draw()
        now = time.perf_counter()
        if now > self._due + 0.1:  # after a long delay, do not hurry to catch up
            self._due = now
        self._due += seconds or self._seconds
        while not self._handle_events() and (self._paused or time.perf_counter() < self._due):
            time.sleep(min(max(self._due - time.perf_counter(), 0.001), 0.02))

    def _handle_events(self):
        """Return whether to show the next picture at once."""
        for event in pygame.event.get():
            key = event.key if event.type == pygame.KEYDOWN else None
            if event.type == pygame.QUIT or key == pygame.K_ESCAPE:
                raise WindowClosed
            if key == pygame.K_RIGHT and self._paused:
                return True
            if event.type == pygame.KEYUP and event.key == pygame.K_SPACE:  # KEYDOWN repeats
                self._paused = not self._paused
            if event.type in (pygame.KEYUP, pygame.VIDEORESIZE, pygame.VIDEOEXPOSE):
                self._draw()
        return False

    def _draw(self):
        """Draw the picture as large as fits, above the line of keys."""
        screen = pygame.display.get_surface()
        room = screen.get_rect()
        room.height -= LINE_HEIGHT
        place = self._picture.get_rect().fit(room)
        screen.fill((0, 0, 0))
        screen.blit(pygame.transform.smoothscale(self._picture, place.size), place)
        keys = KEYS_PAUSED if self._paused else KEYS
        write(screen, keys, SMALL, FAINT, centerx=room.centerx, top=room.bottom + 5)
        pygame.display.flip()

    def close(self) -> None:
        pygame.display.quit()
