"""The whole script as a user runs it, and what it shows: GIF, nothing, window."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pygame
import pytest
from conftest import PROJECT, environment, run_main
from PIL import Image, ImageGrab

import main
from starter import screen

STATISTICS = re.compile(r"^ +\d+ +[\d,]+ (?: +-?[\d.]+){3} +\d+\.\d$", re.M)


def returns(text):
    return re.findall(r"^episode \d+: return (-?\d+\.\d\d)$", text, re.M)


def colors(image):
    return {color for _, color in image.convert("RGB").getcolors(1 << 24)}


def test_a_run_with_a_gif(trained):
    output, done = trained
    (folder,) = output.iterdir()
    assert len(STATISTICS.findall(done.stdout)) == 2
    summary = r"policy: mean -?\d+\.\d\d, standard deviation \d+\.\d\d, \d+ of 100 at 200 or more"
    assert re.search(f"^greedy {summary}$", done.stdout, re.M)
    assert re.search(f"^random {summary}$", done.stdout, re.M)
    assert "\nLunarLander-v2 is not solved yet\n" in done.stdout
    assert f"saved {folder}/checkpoint_000002" in done.stdout
    assert f"wrote {folder}/lander.gif" in done.stdout
    assert len(returns(done.stdout)) == 2
    written = ["checkpoint_000002", "evaluations.csv", "lander.gif", "statistics.csv"]
    assert sorted(path.name for path in folder.iterdir()) == written
    gif = Image.open(folder / "lander.gif")
    assert gif.n_frames > 20
    assert gif.info["duration"] == 40  # ms: every second frame of 50 a second
    assert gif.info["loop"] == 0
    assert (folder / "lander.gif").stat().st_size < 3e6
    shown = colors(gif)
    assert {(0, 0, 0)} < shown  # the sky
    assert any(min(color) > 240 for color in shown)  # the moon
    assert any(red > 180 and green > 180 and blue < 60 for red, green, blue in shown)  # flags


def test_a_run_is_quiet(trained):
    _, done = trained
    assert done.stderr == ""
    # Every line is one of ours: statistics under their heading, then what became of it.
    ours = (
        r"iteration |  +\d|(greedy|random) policy: |LunarLander-v2 is |weights: |saved "
        r"|episode |wrote "
    )
    assert [line for line in done.stdout.splitlines() if not re.match(ours, line)] == []


def test_a_checkpoint_flies_as_it_did(trained, tmp_path):
    output, trained_run = trained
    (checkpoint,) = output.glob("*/checkpoint_*")
    again = ["--from-checkpoint", checkpoint, "--output", tmp_path, "--episodes", 2]
    same = run_main(*again, "--seed", 3, "--render", "none")
    assert same.returncode == 0, same.stderr
    assert returns(same.stdout) == returns(trained_run.stdout)
    assert list(tmp_path.iterdir()) == []  # nothing to keep, no folder
    other = run_main(*again, "--seed", 4, "--render", "none")
    assert returns(other.stdout) != returns(same.stdout)


def test_without_a_display_it_says_why_and_where(trained, tmp_path):
    (checkpoint,) = trained[0].glob("*/checkpoint_*")
    done = run_main("--from-checkpoint", checkpoint, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    (gif,) = tmp_path.glob("*/lander.gif")
    last = done.stdout.splitlines()[-1]
    assert "DISPLAY and WAYLAND_DISPLAY are not set" in last
    assert str(gif) in last
    assert len(returns(done.stdout)) == 3


def test_nothing_is_written_into_the_home_folder(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    done = run_main(
        *("--iterations", 1, "--render", "none", "--output", tmp_path / "runs"), HOME=str(home)
    )
    assert done.returncode == 0, done.stderr
    assert list(home.iterdir()) == []


def test_seeds_and_iterations_reach_the_run(trained, tmp_path):
    done = run_main("--iterations", 1, "--seed", 5, "--render", "none", "--output", tmp_path)
    lines = STATISTICS.findall(done.stdout)
    assert len(lines) == 1
    assert lines[0] not in trained[1].stdout
    (folder,) = tmp_path.iterdir()
    assert folder.name.startswith("LunarLander-v2-seed5-")


def test_the_policy_that_flies_is_greedy(monkeypatch):
    class Policy:
        explore = None

        def compute_single_action(self, observation, explore=None):
            self.explore = explore
            return 0, [], {}

    policy = Policy()
    first = main.watch(policy, seed=7, episodes=2, view=None)
    assert policy.explore is False
    assert main.watch(policy, seed=7, episodes=2, view=None) == first
    assert len(set(first)) == 2


def test_a_gif_holds_every_second_frame(tmp_path):
    tints = [(value, 255 - value, 40) for value in range(0, 200, 20)]
    gif = screen.Gif(tmp_path / "tints.gif")
    for tint in tints:
        gif.show(np.full((40, 60, 3), tint, np.uint8), "unused")
    gif.close()
    image = Image.open(tmp_path / "tints.gif")
    assert image.n_frames == 5
    for number, tint in enumerate(tints[::2]):
        image.seek(number)
        assert image.size == (400, 267)
        assert np.abs(np.subtract(image.convert("RGB").getpixel((200, 100)), tint)).max() < 8


def test_the_window_shows_the_frame_to_the_pixel(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    frame = np.random.default_rng(0).integers(256, size=(40, 60, 3), dtype=np.uint8)
    window = screen.Window()
    try:
        window.show(frame, "a title")
        drawn = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
        np.testing.assert_array_equal(drawn, frame)
        assert pygame.display.get_caption()[0] == "a title"
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_a))
        window.show(frame, "another key does nothing")
        pygame.event.post(pygame.event.Event(pygame.QUIT))
        with pytest.raises(screen.WindowClosed):
            window.show(frame, "closed")
    finally:
        window.close()


needs_x11 = pytest.mark.skipif(
    not all(map(shutil.which, ("Xvfb", "openbox", "xdotool", "wmctrl"))),
    reason="a real window needs Xvfb, openbox, xdotool and wmctrl: .ci/run installs them",
)


@pytest.fixture(scope="module")
def display():
    """A virtual display with a window manager, so that windows have a close button."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        name = ":" + pipe.readline().strip()
    manager = subprocess.Popen(["openbox"], env=environment(DISPLAY=name))
    yield name
    for process in (manager, server):
        process.terminate()
        process.wait()


def start(*flags, **changes):
    return subprocess.Popen(
        [sys.executable, "-u", "main.py", *map(str, flags)],
        cwd=str(PROJECT),
        env=environment(**changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(find, process, seconds=60):
    """What `find` gives, as soon as it gives something, while `process` runs."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        found = find()
        if found:
            return found
        time.sleep(0.1)
    process.kill()
    raise AssertionError(process.communicate())


def on(display, *command):
    return subprocess.run(
        command, env=environment(DISPLAY=display), stdout=subprocess.PIPE, text=True
    ).stdout.split("\n")[0]


def window_titled(title, display):
    """The id of the window with a title like this, or None."""
    listed = on(display, "wmctrl", "-l")
    window = listed.split(" ", 1)[0]
    return window if re.search(title, listed) else None


def close_button(display, window, process):
    on(display, "wmctrl", "-i", "-c", window)  # what a click on the close button does


def escape_key(display, window, process):
    on(display, "wmctrl", "-i", "-a", window)
    on(display, "xdotool", "key", "Escape")


def control_c(display, window, process):
    process.send_signal(signal.SIGINT)


@needs_x11
@pytest.mark.parametrize("end", [close_button, escape_key, control_c])
def test_a_real_window(end, display, trained, tmp_path):
    (checkpoint,) = trained[0].glob("*/checkpoint_*")
    flags = ["--from-checkpoint", checkpoint, "--seed", 3, "--output", tmp_path]
    process = start(*flags, DISPLAY=display)
    window = until(
        lambda: window_titled(r"LunarLander-v2: episode 2, return -?\d+$", display), process
    )
    seen = colors(ImageGrab.grab(xdisplay=display))
    assert {(0, 0, 0), (255, 255, 255), (204, 204, 0)} < seen  # sky, moon, flags
    end(display, window, process)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert err == ""
    assert returns(out) == returns(trained[1].stdout)[:1]  # the same episode as in the GIF
    assert list(tmp_path.iterdir()) == []


@needs_x11
def test_a_window_for_so_many_episodes(display, trained, tmp_path):
    (checkpoint,) = trained[0].glob("*/checkpoint_*")
    flags = ["--from-checkpoint", checkpoint, "--seed", 3, "--episodes", 2, "--output", tmp_path]
    done = run_main(*flags, "--render", "window", DISPLAY=display)
    assert done.returncode == 0, done.stderr
    assert returns(done.stdout) == returns(trained[1].stdout)


def test_ctrl_c_ends_training_and_goes_on(tmp_path):
    process = start("--iterations", 1000, "--render", "none", "--output", tmp_path)
    lines = iter(process.stdout.readline, "")
    assert any(STATISTICS.match(line) for line in lines)  # up to the first iteration
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "training ends with this iteration" in err
    iterations = 1 + len(STATISTICS.findall(out))  # the signal may come between two
    assert iterations <= 2
    assert f"checkpoint_{iterations:06}" in out
    assert len(returns(out)) == 3


def test_a_second_ctrl_c_quits(tmp_path):
    process = start("--iterations", 1000, "--render", "none", "--output", tmp_path)
    lines = iter(process.stdout.readline, "")
    assert any(STATISTICS.match(line) for line in lines)
    process.send_signal(signal.SIGINT)
    assert "once more quits" in process.stderr.readline() + process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
