"""A window that shows one picture after another at the environment's speed."""

import os
import sys
import time

import pygame

KEYS = "space: pause     S: slow motion     Esc: close"
KEYS_SLOW = "slow motion     S: full speed     space: pause     Esc: close"
KEYS_PAUSED = "paused     right arrow: one timestep     space: resume     Esc: close"
SLOW = 5  # times slower
LINE_HEIGHT = 26  # pixels, for the keys under the picture


class WindowClosed(Exception):
    """The user closed the window, or pressed Escape."""


class NoWindow(Exception):
    """No window can be opened here; the message says why."""


class Window:
    """A resizable pygame window, which opens with the first picture.

    Args:
        frames_per_second: how many pictures to show in a second.
        note: what the line of keys ends with.

    Raises:
        NoWindow: if there is no display to open it on.
    """

    def __init__(self, frames_per_second=50, note=""):
        self.note = note
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
        self._picture = None
        self._paused = self._slow = False
        self._due = 0.0  # when the next picture's time has come

    def show(self, picture, title, times=1):
        """Show a `pygame.Surface` for `times` pictures' time; while paused, until a key says so.

        It goes by the clock, so that no delay adds up.

        Raises:
            WindowClosed: at the close button or Escape.
        """
        if self._picture is None:
            desktop = pygame.display.Info()
            width, height = picture.get_width(), picture.get_height() + LINE_HEIGHT
            scale = min(0.9 * desktop.current_w / width, 0.9 * desktop.current_h / height, 1)
            size = round(scale * width), round(scale * height)
            pygame.display.set_mode(size, pygame.RESIZABLE)
        self._picture = picture
        pygame.display.set_caption(title)
        self._draw()
        now = time.perf_counter()
        if now > self._due + 0.1:  # far behind: rather late than in haste
            self._due = now
        self._due += times * self._frame_time * (SLOW if self._slow else 1)
        while not self._handle_events() and (self._paused or time.perf_counter() < self._due):
            time.sleep(min(max(self._due - time.perf_counter(), 0.001), 0.02))

    def _handle_events(self):
        """Do what was pressed; true if one picture is to follow at once."""
        for event in pygame.event.get():
            key = event.key if event.type == pygame.KEYDOWN else None
            if event.type == pygame.QUIT or key == pygame.K_ESCAPE:
                raise WindowClosed
            if key == pygame.K_RIGHT and self._paused:
                return True
            if key == pygame.K_SPACE:
                self._paused = not self._paused
            if key == pygame.K_s:
                self._slow = not self._slow
            # Also where it was resized, or another window was in front.
            if key or event.type in (pygame.VIDEORESIZE, pygame.VIDEOEXPOSE):
                self._draw()
        return False

    def _draw(self):
        """The picture as large as fits, over the line of keys."""
        screen = pygame.display.get_surface()
        room = screen.get_rect()
        room.height -= LINE_HEIGHT
        place = self._picture.get_rect().fit(room)
        picture = self._picture
        if place.size != picture.get_size():
            picture = pygame.transform.smoothscale(picture, place.size)
        screen.fill((0, 0, 0))
        screen.blit(picture, place)
        keys = KEYS_PAUSED if self._paused else KEYS_SLOW if self._slow else KEYS
        line = self._font.render(keys + self.note, True, (160, 160, 160))
        screen.blit(line, line.get_rect(centerx=room.centerx, bottom=screen.get_height() - 6))
        pygame.display.flip()

    def close(self):
        pygame.display.quit()


def open_window(frames_per_second=50):
    """A `Window` that can be seen.

    Raises:
        NoWindow: if there is no display to open it on.
    """
    window = Window(frames_per_second)
    driver = pygame.display.get_driver()
    if driver in ("dummy", "offscreen"):
        window.close()
        raise NoWindow(f"no display (SDL's {driver} driver shows nothing)")
    return window
