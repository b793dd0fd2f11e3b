"""The whole script as a user runs it, and what it shows: GIF, nothing, window."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import gymnasium
import numpy as np
import pygame
import pytest
from helpers import PROJECT, environment, run_main
from PIL import Image, ImageGrab

import main
from starter.display import overlay, screen
from starter.storage import checkpoint

STATISTICS = re.compile(r"^ +\d+ +[\d,]+ (?: +-?[\d.]+){3} +\d+\.\d$", re.M)


def returns(text):
    return re.findall(r"^episode \d+: return (-?\d+\.\d\d)$", text, re.M)


def colors(image):
    return {color for _, color in image.convert("RGB").getcolors(1 << 24)}


def test_a_run_with_a_gif(trained):
    output, done = trained
    (folder,) = output.glob("LunarLander*")
    assert len(STATISTICS.findall(done.stdout)) == 2
    summary = r"policy: mean -?\d+\.\d\d, standard deviation \d+\.\d\d, \d+ of 100 at 200 or more"
    assert re.search(f"^greedy {summary}$", done.stdout, re.M)
    assert re.search(f"^random {summary}$", done.stdout, re.M)
    assert "\nLunarLander-v2 is not solved yet\n" in done.stdout
    assert f"saved {folder}/checkpoint_000002" in done.stdout
    assert f"wrote {folder}/lander.gif" in done.stdout
    assert len(returns(done.stdout)) == 2
    written = ["checkpoint_000002", "curve.png", "episodes.csv", "evaluations.csv", "lander.gif"]
    written += ["settings.json", "statistics.csv"]
    assert sorted(path.name for path in folder.iterdir()) == written
    gif = Image.open(folder / "lander.gif")
    assert gif.n_frames > 20
    assert gif.size == (900, 400)
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
    (checkpoint,) = output.glob("LunarLander*/checkpoint_*")
    again = ["--from-checkpoint", checkpoint, "--output", tmp_path, "--episodes", 2]
    same = run_main(*again, "--seed", 3, "--render", "none")
    assert same.returncode == 0, same.stderr
    assert returns(same.stdout) == returns(trained_run.stdout)
    assert list(tmp_path.iterdir()) == []  # nothing to keep, no folder
    other = run_main(*again, "--seed", 4, "--render", "none")
    assert returns(other.stdout) != returns(same.stdout)


def test_without_a_display_it_says_why_and_where(trained, tmp_path):
    (checkpoint,) = trained[0].glob("LunarLander*/checkpoint_*")
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
    (folder,) = tmp_path.glob("LunarLander*")
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
    gif = screen.Gif(tmp_path / "tints.gif", 50)
    for tint in tints:
        gif.show(np.full((40, 60, 3), tint, np.uint8), "unused")
    gif.close()
    image = Image.open(tmp_path / "tints.gif")
    assert image.n_frames == 5
    for number, tint in enumerate(tints[::2]):
        image.seek(number)
        assert image.info["duration"] == 40
        assert image.size == (60, 40)
        assert np.abs(np.subtract(image.convert("RGB").getpixel((30, 20)), tint)).max() < 8


def test_a_gif_shows_what_was_shown_and_stores_only_what_changed(tmp_path):
    """Also where nothing changes for a while, and with an odd piece in a corner."""
    random = np.random.default_rng(0)
    frames = [np.zeros((50, 70, 3), np.uint8)]
    for at in [(0, 0), (30, 40), (30, 40), None, (45, 65)]:
        frames.append(frames[-1].copy())
        if at:
            frames[-1][at[0] : at[0] + 5, at[1] : at[1] + 5] = random.choice([0, 90, 255])
            frames[-1][at] = (255, 40, 40)
    gif = screen.Gif(tmp_path / "parts.gif", 50)
    for frame in frames:
        gif.show(frame, "unused", times=2)
    gif.close()
    image = Image.open(tmp_path / "parts.gif")
    seen = []
    for number in range(image.n_frames):
        image.seek(number)
        seen += [np.asarray(image.convert("RGB"))] * (image.info["duration"] // 40)
    np.testing.assert_allclose(np.array(seen, int), np.array(frames, int), atol=8)
    assert image.n_frames < len(frames)


def test_a_gif_of_three_long_flights_stays_under_3_mb(tmp_path, monkeypatch):
    """Of 20 s each, the longest there are, with all bars and figures changing all the time."""
    random = np.random.default_rng(0)
    env = gymnasium.make(main.LANDER.id, render_mode="rgb_array")
    env.reset(seed=0)
    env.step(0)
    game = env.render()
    gif = screen.Gif(tmp_path / "long.gif", 50)
    panel = overlay.Panel(main.LANDER)
    estimates = np.zeros(4)
    for timestep in range(3000):
        frame = game.copy()
        x = 200 + timestep % 200
        frame[100:140, x : x + 40] = (128, 102, 230)
        frame[150 + timestep % 5, x : x + 40 : 9] = (255, 120, 80)
        estimates += random.normal(size=4)
        gif.show(panel.draw(frame, 1, timestep / 10, estimates, timestep % 4), "unused")
    gif.close()
    assert (tmp_path / "long.gif").stat().st_size < 3e6
    image = Image.open(tmp_path / "long.gif")
    seconds = 0
    for number in range(image.n_frames):
        image.seek(number)
        seconds += image.info["duration"] / 1000
    assert seconds == pytest.approx(60, abs=0.1)


@pytest.fixture()
def drawn(monkeypatch):
    """The words that the overlay writes, of the last picture."""
    words = []
    write, draw = overlay._write, overlay.Panel.draw

    def draw_anew(*arguments, **named):
        words.clear()
        return draw(*arguments, **named)

    monkeypatch.setattr(
        overlay,
        "_write",
        lambda panel, text, *a, **k: (words.append(text), write(panel, text, *a, **k)),
    )
    monkeypatch.setattr(overlay.Panel, "draw", draw_anew)
    return words


def bars(picture):
    """The length of each action's bar in pixels, negative to the left, and the marked one."""
    lengths, marked = [], None
    zero = 600 + overlay.Panel(main.LANDER).position(0)
    for action in range(4):
        row = picture[overlay.BAR_TOP + action * overlay.BAR_PITCH + 6]
        for color in (overlay.BAR, overlay.CHOSEN):
            at = np.flatnonzero((row == color).all(axis=1))
            if len(at):
                lengths.append(len(at) if at[0] >= zero else -len(at))
                marked = action if color == overlay.CHOSEN else marked
    return lengths, marked


def test_the_overlay_shows_the_networks_own_numbers(drawn):
    """The figures and the bars of each frame, against the policy's own Q-values."""
    algorithm = main.build_algorithm(5)
    policy = algorithm.get_policy()
    env = gymnasium.make(main.LANDER.id)
    seen = []

    class View:
        def show(self, picture, title, times=1):
            seen.append((picture, list(drawn)))

    (episode_return,) = main.watch(policy, seed=11, episodes=1, view=View())
    observation, _ = env.reset(seed=12)
    so_far = 0.0
    for picture, words in seen[:-1]:
        # Another of RLlib's ways to the same numbers; the network learns rewards times 0.05.
        q_values = (
            policy.compute_actions(observation[None], explore=False)[2]["q_values"][0] / 0.05
        )
        assert [f"{q:.1f}" for q in q_values] == [
            word for word in words if re.match(r"-?\d+\.\d$", word)
        ]
        lengths, marked = bars(picture)
        pixels = 260 / 250 * np.clip(q_values, -100, 150)  # 260 pixels from -100 to 150
        np.testing.assert_allclose(lengths, pixels, atol=1.6)
        assert marked == np.argmax(q_values)
        assert {"Episode 1", f"{so_far:+.0f}", *main.LANDER.actions} < set(words)
        assert picture.shape == (400, 900, 3)
        observation, reward, _, _, _ = env.step(int(np.argmax(q_values)))
        so_far += reward
    assert len(seen) > 50
    assert so_far == episode_return
    assert seen[-1][1][-1] == f"crashed {so_far:+.0f}"  # it has learned nothing yet
    algorithm.stop()


def test_plain_shows_the_bare_game():
    class Policy:
        def compute_single_action(self, observation, explore):
            return 0, [], {}

    class View:
        def show(self, picture, title, times=1):
            assert picture.shape == (400, 600, 3)

    assert len(main.watch(Policy(), seed=1, episodes=1, view=View(), plain=True)) == 1


@pytest.mark.parametrize(
    ("x", "reward", "truncated", "episode_return", "words"),
    [
        (0.1, 100, False, 243.4, "landed +243"),
        (0.1, -100, False, -119.6, "crashed -120"),
        (-1.01, -100, False, -310.2, "flew away -310"),
        (0.1, 0.3, True, 87.0, "out of time +87"),
    ],
)
def test_the_verdict(x, reward, truncated, episode_return, words):
    assert main.LANDER.verdict([x] + [0.0] * 7, reward, truncated, episode_return) == words


@pytest.fixture()
def window(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    window = screen.Window(50)
    yield window
    window.close()


def press(key):
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key))


def test_the_window_shows_the_frame_to_the_pixel(window):
    frame = np.random.default_rng(0).integers(256, size=(40, 600, 3), dtype=np.uint8)
    window.show(frame, "a title")
    drawn = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
    np.testing.assert_array_equal(drawn[:40], frame)
    assert 0 < (drawn[40:] > 100).mean() < 0.5  # a line of words
    assert pygame.display.get_caption()[0] == "a title"
    press(pygame.K_a)
    window.show(frame, "another key does nothing")
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    with pytest.raises(screen.WindowClosed):
        window.show(frame, "closed")


def test_the_window_keeps_the_games_time(window):
    """50 frames a second on the whole, though each takes some time and one takes long."""
    frame = np.zeros((40, 600, 3), np.uint8)
    window.show(frame, "the first")
    started = time.perf_counter()
    for number in range(50):
        time.sleep(0.05 if number == 20 else 0.008)
        window.show(frame, "a title")
    assert time.perf_counter() - started == pytest.approx(1, abs=0.05)
    started = time.perf_counter()
    window.show(frame, "a second long", times=50)
    assert time.perf_counter() - started == pytest.approx(1, abs=0.05)


def test_space_pauses_and_the_right_arrow_steps(window):
    frame = np.zeros((40, 600, 3), np.uint8)
    seconds = []

    def show():
        started = time.perf_counter()
        window.show(frame, "a title")
        seconds.append(time.perf_counter() - started)

    def later(delay, *keys):
        threading.Timer(delay, lambda: [press(key) for key in keys]).start()

    show()
    press(pygame.K_RIGHT)  # means nothing while it plays
    press(pygame.K_SPACE)
    later(0.4, pygame.K_RIGHT)
    show()  # until the arrow
    later(0.4, pygame.K_SPACE)
    show()  # until the space
    show()
    later(0.4, pygame.K_ESCAPE)
    press(pygame.K_SPACE)
    with pytest.raises(screen.WindowClosed):
        window.show(frame, "paused")
    assert seconds[1] > 0.3
    assert seconds[2] > 0.3
    assert seconds[3] < 0.1


needs_x11 = pytest.mark.skipif(
    not all(map(shutil.which, ("Xvfb", "openbox", "xdotool", "wmctrl"))),
    reason="a real window needs Xvfb, openbox, xdotool and wmctrl: .ci/run installs them",
)


@pytest.fixture(scope="module")
def display():
    """A virtual display with a window manager, so that windows have a close button."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
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
    (checkpoint,) = trained[0].glob("LunarLander*/checkpoint_*")
    flags = ["--from-checkpoint", checkpoint, "--seed", 3, "--output", tmp_path]
    process = start(*flags, DISPLAY=display)
    window = until(
        lambda: window_titled(r"LunarLander-v2: episode 2, return -?\d+$", display), process
    )
    seen = colors(ImageGrab.grab(xdisplay=display))
    assert {(0, 0, 0), (255, 255, 255), (204, 204, 0)} < seen  # sky, moon, flags
    end(display, window, process)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert err == ""
    assert returns(out) == returns(trained[1].stdout)[:1]  # the same episode as in the GIF
    assert list(tmp_path.iterdir()) == []


@needs_x11
def test_a_window_for_so_many_episodes(display, trained, tmp_path):
    (checkpoint,) = trained[0].glob("LunarLander*/checkpoint_*")
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
    assert any(re.match(" +2 ", line) for line in lines)  # the first is saved
    process.send_signal(signal.SIGINT)
    assert "once more quits" in process.stderr.readline() + process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    (saved,) = tmp_path.glob("LunarLander*/checkpoint_*")  # what was learned so far
    assert checkpoint.newest(tmp_path / "latest").path.name == saved.name
