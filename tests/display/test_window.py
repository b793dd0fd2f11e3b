"""The window: its pixels, clock and keys without a display; then on a virtual display."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pygame
import pytest
from helpers import PROJECT, environment
from PIL import ImageGrab

from starter.display.overlay import surface
from starter.display.window import LINE_HEIGHT, NoWindow, Window, WindowClosed, open_window

FRAME = np.random.default_rng(0).integers(256, size=(40, 600, 3), dtype=np.uint8)


@pytest.fixture()
def window(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    window = Window(50)
    yield window
    window.close()


def drawn():
    return pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)


def press(key):
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key))


def later(delay, key):
    threading.Timer(delay, press, [key]).start()


def seconds_to_show(window, times=1):
    started = time.perf_counter()
    window.show(surface(FRAME), "a title", times)
    return time.perf_counter() - started


def test_it_shows_the_picture_to_the_pixel_over_the_keys(window):
    window.show(surface(FRAME), "a title")
    np.testing.assert_array_equal(drawn()[:40], FRAME)
    assert drawn().shape == (40 + LINE_HEIGHT, 600, 3)
    assert drawn()[40:].any()
    assert pygame.display.get_caption()[0] == "a title"


def test_it_resizes_and_keeps_the_pictures_shape(window):
    window.show(surface(FRAME), "a title")
    pygame.display.set_mode((1200, 200), pygame.RESIZABLE)
    window.show(surface(np.full_like(FRAME, 255)), "a title")
    rows, columns = np.nonzero((drawn()[: 200 - LINE_HEIGHT] == 255).all(axis=-1))
    assert (columns.min(), columns.max()) == (0, 1199)
    assert rows.max() - rows.min() == 79  # twice as wide, so twice as high


def test_it_opens_no_larger_than_the_screen(window):
    screen = pygame.display.Info()
    window.show(surface(np.zeros((3000, 4000, 3), np.uint8)), "a title")
    assert pygame.display.get_surface().get_width() < screen.current_w
    assert pygame.display.get_surface().get_height() < screen.current_h


@pytest.mark.parametrize("end", [pygame.QUIT, pygame.K_ESCAPE])
def test_it_closes(end, window):
    window.show(surface(FRAME), "a title")
    if end == pygame.QUIT:
        pygame.event.post(pygame.event.Event(pygame.QUIT))
    else:
        press(end)
    with pytest.raises(WindowClosed):
        window.show(surface(FRAME), "a title")


def test_it_keeps_time_by_the_clock(window):
    """A second for 50 pictures, though one took long to draw; slow motion is 5 times slower."""
    started = time.perf_counter()
    for number in range(50):
        time.sleep(0.05 if number == 20 else 0.005)
        seconds_to_show(window)
    assert time.perf_counter() - started == pytest.approx(1, abs=0.08)
    assert seconds_to_show(window, times=20) == pytest.approx(0.4, abs=0.05)
    press(pygame.K_s)
    seconds_to_show(window)
    assert seconds_to_show(window, times=4) == pytest.approx(0.4, abs=0.05)
    press(pygame.K_s)
    seconds_to_show(window)
    assert seconds_to_show(window, times=4) == pytest.approx(0.08, abs=0.05)


def test_space_pauses_and_the_right_arrow_steps(window):
    seconds_to_show(window)
    press(pygame.K_RIGHT)  # means nothing while it plays
    press(pygame.K_SPACE)
    later(0.3, pygame.K_RIGHT)
    assert seconds_to_show(window) > 0.25  # until the arrow
    later(0.3, pygame.K_SPACE)
    assert seconds_to_show(window) > 0.25  # until the space
    assert seconds_to_show(window) < 0.1
    press(pygame.K_SPACE)
    later(0.3, pygame.K_ESCAPE)
    with pytest.raises(WindowClosed):
        seconds_to_show(window)


@pytest.mark.parametrize("driver", [None, "dummy", "offscreen", "nonsense"])
def test_without_a_display_it_says_so(driver, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    if driver:
        monkeypatch.setenv("SDL_VIDEODRIVER", driver)
    with pytest.raises(NoWindow, match="no display"):
        open_window()


# A lander that nobody trained, in the window that a user would get.
FLY = """
from starter import preflight
preflight.check()
import main, numpy as np, pathlib, sys
from starter.display.view import Render, open_view

class Policy:
    config = {"gamma": 0.99, "replay_buffer_config": {}}
    def compute_single_action(self, observation, explore):
        return 2, [], {"q_values": np.arange(4.0)}

with open_view(Render.auto, pathlib.Path(sys.argv[1]), main.LANDER, Policy.config) as view:
    main.watch(Policy(), 0, None, view)
"""


@pytest.fixture(scope="module")
def display():
    """A virtual display with a window manager, so that windows have a close button."""
    if not all(map(shutil.which, ("Xvfb", "openbox", "xdotool", "wmctrl"))):
        pytest.skip("a real window needs Xvfb, openbox, xdotool and wmctrl: .ci/run installs them")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        name = ":" + pipe.readline().strip()
    manager = subprocess.Popen(
        ["openbox"], env=environment(DISPLAY=name), stderr=subprocess.DEVNULL
    )
    yield name
    for process in (manager, server):
        process.terminate()
        process.wait()


def on(display, *command):
    return subprocess.run(
        command, env=environment(DISPLAY=display), capture_output=True, text=True
    ).stdout


def window_titled(title, display, process):
    """The id of the window with a title like this, as soon as there is one."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        for line in on(display, "wmctrl", "-l").splitlines():
            if re.search(title, line):
                return line.split(" ", 1)[0]
        time.sleep(0.1)
    process.kill()
    raise AssertionError(process.communicate())


@pytest.mark.parametrize("end", ["close button", "Escape", "Ctrl-C"])
def test_a_real_window(end, display, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-uc", FLY, tmp_path],
        cwd=PROJECT,
        env=environment(DISPLAY=display),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    window = window_titled(r"LunarLander-v2: episode 1, return -?\d+$", display, process)
    time.sleep(0.5)
    grabbed = ImageGrab.grab(xdisplay=display).getcolors(1 << 24)
    seen = {color for _, color in grabbed}
    assert {(0, 0, 0), (255, 255, 255), (204, 204, 0)} < seen  # sky, moon, flags
    if end == "close button":
        on(display, "wmctrl", "-i", "-c", window)  # what a click on it does
    elif end == "Escape":
        on(display, "wmctrl", "-i", "-a", window)
        on(display, "xdotool", "key", "Escape")
    else:
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert err == ""
    assert out.startswith(
        "showing LunarLander-v2 in a window; to close it, press Esc there or Ctrl-C"
    )
    assert list(tmp_path.iterdir()) == []
