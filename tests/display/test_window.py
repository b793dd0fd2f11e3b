"""The window, on a virtual display: its picture, its clock, its keys and how it closes."""

import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pygame
import pytest
from helpers import PROJECT, environment
from helpers.processes import wait_for
from pygame import _sdl2 as sdl2

from starter.display import window as windows
from starter.display.panel import surface
from starter.display.window import LINE_HEIGHT, Window

FRAME = np.random.default_rng(0).integers(256, size=(40, 600, 3), dtype=np.uint8)


@contextmanager
def server():
    """Start a virtual display; yield its name."""
    if not all(map(shutil.which, ("Xvfb", "openbox", "xdotool", "wmctrl"))):
        pytest.skip("a real window needs Xvfb, openbox, xdotool and wmctrl: .ci/run installs them")
    process = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "1024x768x24", "-nolisten", "tcp", "-noreset"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield ":" + process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def display():
    """A display with a window manager, so that windows have a close button."""
    with server() as name:
        quiet = {"env": environment(DISPLAY=name), "stderr": subprocess.DEVNULL}
        manager = subprocess.Popen(["openbox"], **quiet)
        yield name
        manager.terminate()
        manager.wait()


@pytest.fixture()
def window(display, monkeypatch):
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)
    monkeypatch.setenv("DISPLAY", display)
    window = Window(50)
    yield window
    window.close()


@pytest.fixture()
def clock(monkeypatch):
    """A clock that only `sleep` moves."""
    clock = SimpleNamespace(now=100.0, perf_counter=lambda: clock.now)
    clock.sleep = lambda seconds: vars(clock).update(now=clock.now + seconds)
    monkeypatch.setattr(windows, "time", clock)
    return clock


def drawn():
    return pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)


def test_it_shows_the_picture_over_the_keys_and_resizes(window, clock):
    window.show(FRAME, surface, "a title")
    np.testing.assert_array_equal(drawn()[:40], FRAME)
    assert drawn()[40:].any()
    pygame.display.set_mode((900, 200), pygame.RESIZABLE)
    window.show(np.full_like(FRAME, 255), surface, "a title")
    rows, columns = np.nonzero((drawn()[: 200 - LINE_HEIGHT] == 255).all(axis=-1))
    assert (columns.min(), columns.max()) == (0, 899)
    assert np.ptp(rows) == 59  # 1.5 times as wide, so 1.5 times as high


def test_it_opens_in_the_middle_of_the_screen(monkeypatch):
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)
    with server() as name:  # without a window manager, which might move it
        monkeypatch.setenv("DISPLAY", name)
        window = Window(50)
        window.show(FRAME, surface, "the middle")
        left, top = sdl2.Window.from_display_module().position
        window.close()
    assert abs(left - (1024 - 600) / 2) <= 1
    assert abs(top - (768 - 40 - LINE_HEIGHT) / 2) <= 1


def test_it_is_no_larger_than_the_screen(window, clock):
    window.show(np.zeros((3000, 4000, 3), np.uint8), surface, "a title")
    assert np.less(drawn().shape[:2], (768, 1024)).all()


def test_it_keeps_time_by_the_clock(window, clock):
    """A second for 50 pictures, though one took long to draw; the end of a flight for 2 s."""

    def seconds_to_show(number, delay=0, **options):
        started = clock.now
        clock.now += delay
        for _ in range(number):
            window.show(FRAME, surface, "a title", **options)
        return pytest.approx(clock.now - started, abs=0.01)

    window.show(FRAME, surface, "a title")
    assert seconds_to_show(50, delay=0.05) == 1
    assert seconds_to_show(1, seconds=2) == 2


# An endless flight, with a reward of 1 per timestep, in the window that a user would get.
FLY = """
import pathlib, sys, types
import numpy as np
from starter.display.view import Render, open_view

class Place(types.SimpleNamespace):
    def __str__(self):
        return "Place-v0"

place = Place(timesteps_per_second=50, actions=("a", "b"), can_be_drawn=True, gif="episodes.gif")
config = {"gamma": 0.99, "replay_buffer_config": {}}
with open_view(Render.auto, pathlib.Path(sys.argv[1]), place, config) as view:
    for flight in view.flights():
        while True:
            view.show(flight, lambda: np.zeros((400, 600, 3), np.uint8), np.arange(2.0), 1)
            flight.rewards.append(1)
"""


def on(display, *command):
    env = environment(DISPLAY=display)
    return subprocess.run(command, env=env, capture_output=True, text=True).stdout


@pytest.fixture()
def flying(display, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-uc", FLY, tmp_path],
        cwd=PROJECT,
        env=environment(DISPLAY=display, PYGAME_HIDE_SUPPORT_PROMPT=1),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield process
    process.kill()


@pytest.mark.parametrize("end", ["close button", "Escape", "Ctrl-C"])
def test_a_real_window(end, display, flying, tmp_path):
    def timestep(wait=0.0):
        """Return the return in the window's title after a while; None without a window."""
        time.sleep(wait)
        title = re.search(r"Place-v0: episode 1, return (\d+)$", on(display, "wmctrl", "-l"))
        return title and int(title[1])

    wait_for(timestep, "the window")
    if end == "Escape":
        on(display, "wmctrl", "-a", "Place-v0")
        on(display, "xdotool", "key", "space")
        wait_for(lambda: timestep() == timestep(wait=0.5), "the pause")
        paused = timestep()
        on(display, "xdotool", "key", "Right")
        wait_for(lambda: timestep() == paused + 1, "a step")
        on(display, "xdotool", "key", "Escape")
    elif end == "close button":
        on(display, "wmctrl", "-c", "Place-v0")  # what a click on it does
    else:
        flying.send_signal(signal.SIGINT)
    out, _ = flying.communicate(timeout=60)
    line = "showing Place-v0 in a window; Esc there or Ctrl-C here closes it\n"
    assert (flying.returncode, out) == (0, line)
    assert list(tmp_path.iterdir()) == []
