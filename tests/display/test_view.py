"""What is shown of flights, where, and what is rendered for it."""

from types import SimpleNamespace

import numpy as np
import pygame
import pytest
from helpers import PROJECT
from PIL import Image

import main
from scripts.watch import load_policy
from starter import Problem
from starter.display import view as views
from starter.display.view import GifView, Render, View, WindowView, open_view, require
from starter.environments.environment import Environment
from starter.storage import checkpoint

CONFIG = {"gamma": 0.9, "replay_buffer_config": {"reward_scale": 0.05}}
NO_DISPLAY = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")


LANDER = SimpleNamespace(
    frames_per_second=50, actions=("none", "up"), is_lander=True, can_be_drawn=True
)


class Scene:
    """Renders one tint after another, and counts them."""

    def __init__(self):
        self.rendered = 0

    def __call__(self):
        self.rendered += 1
        return np.full((400, 600, 3), self.rendered, np.uint8)


def fly(view, timesteps=5, episodes=1):
    scene, flights = Scene(), []
    for flight in view.flights(episodes):
        for timestep in range(timesteps):
            view.show(flight, scene, np.array([0.05 * timestep, 0.1]), 1)
            flight.rewards.append(1.0)
        view.end(flight, scene, "landed +5")
        flights.append(flight)
    return flights, scene.rendered


@pytest.fixture()
def headless(monkeypatch):
    for name in NO_DISPLAY:
        monkeypatch.delenv(name, raising=False)


def test_q_values_are_divided_by_the_policys_own_scale():
    for scale, expected in ((0.05, [2, 2, 2, 3, 4]), (1, [0.1, 0.1, 0.1, 0.15, 0.2])):
        config = {**CONFIG, "replay_buffer_config": {"reward_scale": scale}}
        (flight,), _ = fly(View(LANDER, config))
        assert flight.values == pytest.approx(expected)
    assert flight.outcome == pytest.approx([4.0951, 3.439, 2.71, 1.9, 1])


def test_nowhere_renders_nothing():
    view = View(LANDER, CONFIG)
    assert view.render_mode is None
    assert [flight.episode for flight in view.flights()] == [1, 2, 3]
    assert fly(view)[1] == 0


def test_a_gif_renders_only_the_frames_that_it_keeps(tmp_path):
    view = GifView(LANDER, CONFIG, False, tmp_path / "lander.gif")
    assert fly(view, timesteps=7, episodes=2)[1] == 2 * 5  # 0, 2, 4, 6 and the end
    view.close()
    image = Image.open(tmp_path / "lander.gif")
    assert image.size == (900, 400)
    durations = []
    for number in range(image.n_frames):
        image.seek(number)
        durations.append(image.info["duration"])
    assert durations == [40, 40, 40, 40, 2000] * 2


def test_a_gif_shows_what_followed_and_its_axes_keep_still(tmp_path, monkeypatch):
    drawn = []
    draw = views.Panel.draw

    def record(panel, frame, flight, timestep=-1, verdict=None):
        picture = draw(panel, frame, flight, timestep, verdict)
        drawn.append((flight.outcome, timestep, verdict, panel.low, panel.high))
        return picture

    monkeypatch.setattr(views.Panel, "draw", record)
    view = GifView(LANDER, CONFIG, False, tmp_path / "lander.gif")
    (flight,), _ = fly(view)
    assert drawn == []  # not before the end is known
    view.close()
    assert [(*d[:3],) for d in drawn] == [
        (flight.outcome, 0, None),
        (flight.outcome, 2, None),
        (flight.outcome, 4, None),
        (flight.outcome, -1, "landed +5"),
    ]
    assert len({d[3:] for d in drawn}) == 1


def test_a_flight_that_was_broken_off_is_drawn_too(tmp_path, headless, capsys):
    with open_view(Render.auto, tmp_path, LANDER, CONFIG) as view:
        (flight,) = view.flights(1)
        view.show(flight, Scene(), np.array([np.nan, np.inf]), 1)  # whatever was learned
        raise KeyboardInterrupt
    assert (tmp_path / "lander.gif").exists()
    message = "no display (DISPLAY and WAYLAND_DISPLAY are not set): wrote "
    assert capsys.readouterr().out == f"{message}{tmp_path / 'lander.gif'} instead\n"


def test_plain_is_the_bare_frame(tmp_path):
    with open_view(Render.gif, tmp_path, LANDER, CONFIG, plain=True) as view:
        fly(view)
    assert Image.open(tmp_path / "lander.gif").size == (600, 400)


def test_a_window_shows_each_timestep_and_closes(monkeypatch, capsys):
    shown = []
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setattr(views, "open_window", views.open_window.__globals__["Window"])
    view = WindowView(LANDER, CONFIG)
    monkeypatch.setattr(
        view._window, "show", lambda picture, title, times=1: shown.append((title, times))
    )
    assert fly(view, timesteps=3)[1] == 4
    assert shown == [
        *[(f"{LANDER}: episode 1, return {t}", 1) for t in range(3)],
        (f"{LANDER}: episode 1, return 3", 100),
    ]
    view.close()
    assert not pygame.display.get_init()
    assert capsys.readouterr().out.startswith(
        f"showing {LANDER} in a window; to close it, press Esc"
    )


@pytest.mark.parametrize("render", [Render.window, Render.gif])
def test_what_cannot_be_shown_is_refused_beforehand(render, headless):
    environment = SimpleNamespace(can_be_drawn=render == Render.window, is_lander=True)
    with pytest.raises(Problem, match="leave --render out"):
        require(render, environment)
    require(Render.auto, environment)


def test_an_environment_that_cannot_be_drawn_is_flown_all_the_same(tmp_path, capsys):
    environment = SimpleNamespace(actions=("none", "up"), is_lander=False, can_be_drawn=False)
    with open_view(Render.auto, tmp_path, environment, CONFIG) as view:
        assert fly(view)[1] == 0
    assert "cannot be drawn" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def flown():
    """A flight of the policy that came with the clone: its policy and its `Flight`."""
    policy = load_policy(checkpoint.newest(PROJECT / "docs" / "demo"), main.LANDER)

    class Keep(View):
        def end(self, flight, render, verdict):
            super().end(flight, render, verdict)
            self.flight = flight

    view = Keep(main.LANDER, policy.config)
    main.watch(policy, 0, 1, view)
    return policy, view.flight


def test_watch_shows_the_networks_own_numbers(flown):
    """Of each state, Q-values by another of RLlib's ways; the greedy action; the rewards."""
    policy, flight = flown
    env = main.LANDER.make()
    observation, _ = env.reset(seed=1)
    for q_values, action, reward in zip(flight.q_values, flight.actions, flight.rewards):
        computed = policy.compute_actions(observation[None], explore=False)[2]["q_values"][0]
        np.testing.assert_allclose(q_values, computed / 0.05, rtol=1e-5)
        assert action == computed.argmax()
        observation, expected, terminated, truncated, _ = env.step(action)
        assert reward == expected
    assert terminated or truncated


def test_the_preference_is_visible_nearly_always(flown):
    """At least four pixels between the best action and the second."""
    _, flight = flown
    panel = views.Panel(main.LANDER.actions)
    panel.fit(flight)
    lengths = []
    for q_values in flight.q_values:
        second = np.sort(q_values)[-2]
        lengths.append(panel.position(0) - panel.position(second - q_values.max()))
    assert np.mean(np.array(lengths) >= 4) > 0.9


def test_the_policy_that_flies_is_greedy(capsys):
    class Policy:
        def compute_single_action(self, observation, explore):
            assert explore is False
            return 0, [], {"q_values": np.zeros(4)}

    printed = []
    for _ in range(2):
        main.watch(Policy(), 7, 2, View(main.LANDER, CONFIG))
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert len(set(printed[0].split("return ")[1:])) == 2


@pytest.mark.parametrize(
    ("x", "speed", "truncated", "episode_return", "words"),
    [
        (0.1, 0.0, False, 243.4, "landed +243"),
        (0.1, -0.4, False, -119.6, "crashed -120"),
        (-1.01, -0.4, False, -310.2, "flew away -310"),
        (0.1, 0.0, True, 87.0, "out of time +87"),
    ],
)
def test_the_verdict(x, speed, truncated, episode_return, words):
    observation = [x, 0.0, 0.0, speed, 0.0, 0.0, 1.0, 1.0]
    assert main.LANDER.verdict(observation, truncated, episode_return) == words


def test_the_verdict_of_real_flights_with_a_large_action_repeat():
    """The frames before a crash can pay more than the crash costs."""
    lander = Environment("LunarLander-v2", action_repeat=8)
    env, random = lander.make(), np.random.default_rng(seed=0)
    for episode in range(150):
        env.reset(seed=episode)
        ended = False
        while not ended:
            observation, _, terminated, truncated, _ = env.step(int(random.integers(4)))
            ended = terminated or truncated
        rested = not env.unwrapped.lander.awake
        assert (lander.verdict(observation, truncated, 0.0) == "landed +0") == rested


def test_the_gif_of_a_flight_is_small_and_in_its_colors(flown, tmp_path):
    policy, _ = flown
    with open_view(Render.gif, tmp_path, main.LANDER, policy.config) as view:
        main.watch(policy, 0, 1, view)
    path = tmp_path / "lander.gif"
    assert path.stat().st_size < 500_000
    image = Image.open(path)
    image.seek(60)
    colors = {color for _, color in image.convert("RGB").getcolors(1 << 24)}
    assert (0, 0, 0) in colors  # the sky
    assert any(min(color) > 240 for color in colors)  # the moon
    assert any(red > 180 and green > 180 and blue < 60 for red, green, blue in colors)  # flags
    sparks = [c for c in colors if c[0] > 150 and c[1] < 130 and 40 < c[2] < 130]
    assert sparks


@pytest.mark.slow
def test_the_gif_of_three_long_flights_stays_under_3_mb(tmp_path):
    """Of 20 s each, the longest there are, with everything in the panel changing all the time."""
    random = np.random.default_rng(0)
    view = GifView(main.LANDER, CONFIG, False, tmp_path / "long.gif")
    for flight in view.flights():
        for timestep in range(1000):
            frame = np.zeros((400, 600, 3), np.uint8)
            frame[timestep % 360 :, timestep % 560 :][:40, :40] = (128, 102, 230)
            view.show(flight, lambda frame=frame: frame, random.normal(size=4), timestep % 4)
            flight.rewards.append(0.1)
        view.end(flight, lambda frame=frame: frame, "out of time +100")
    view.close()
    assert (tmp_path / "long.gif").stat().st_size < 3e6
