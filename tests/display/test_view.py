"""What is shown of flights, where, and which frames are rendered for it."""

from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from starter import Problem
from starter.display.view import Render, View, check_can_render, open_view

CONFIG = {"gamma": 0.9, "replay_buffer_config": {"reward_scale": 0.05}}


def environment(can_be_drawn=True, check=lambda: None):
    return SimpleNamespace(
        timesteps_per_second=50,
        actions=("none", "up"),
        can_be_drawn=can_be_drawn,
        check_rendering=check,
        gif="lander.gif",
    )


class Scene:
    """Renders one gray after another, and counts them."""

    rendered = 0

    def __call__(self):
        self.rendered += 1
        return np.full((400, 600, 3), 10 * self.rendered, np.uint8)


def fly(view, timesteps=5, episodes=1):
    scene, flights = Scene(), []
    for flight in view.flights(episodes):
        for timestep in range(timesteps):
            view.show(flight, scene, np.array([0.05 * timestep, 0.1]), 1)
            flight.rewards.append(1.0)
        view.end(flight, scene, "landed +5")
        flights.append(flight)
    return flights, scene.rendered


@pytest.fixture(autouse=True)
def headless(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)


def test_a_flight_has_expected_and_actual_returns():
    """The network's values are of rewards times 0.05, if that scale is set."""
    for buffer, scale in ({"reward_scale": 0.05}, 1), ({}, 0.05):
        config = {**CONFIG, "replay_buffer_config": buffer}
        (flight,), _ = fly(View(None, environment(), config, False))
        assert flight.values == pytest.approx(np.multiply([2, 2, 2, 3, 4], scale))
        assert flight.outcome == pytest.approx([4.0951, 3.439, 2.71, 1.9, 1])


@pytest.mark.parametrize(("render", "drawable"), [(Render.none, True), (Render.auto, False)])
def test_nowhere_renders_nothing(render, drawable, tmp_path, capsys):
    with open_view(render, tmp_path, environment(drawable), CONFIG) as view:
        assert view.render_mode is None
        assert [flight.episode for flight in view.flights()] == [1, 2, 3]
        assert fly(view)[1] == 0
    assert ("cannot be drawn" in capsys.readouterr().out) == (not drawable)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("plain", "width"), [(False, 900), (True, 600)])
def test_a_gif_renders_only_the_frames_that_it_keeps(plain, width, tmp_path):
    with open_view(Render.gif, tmp_path, environment(), CONFIG, plain) as view:
        assert fly(view, timesteps=7, episodes=2)[1] == 2 * 5  # 0, 2, 4, 6 and the end
    image = Image.open(tmp_path / "lander.gif")
    assert image.size == (width, 400)
    durations, grays = [], []
    for number in range(image.n_frames):
        image.seek(number)
        durations.append(image.info["duration"])
        grays.append(image.convert("RGB").getpixel((300, 200))[0])
    assert durations == [40, 40, 40, 40, 2000] * 2
    np.testing.assert_allclose(grays, 10 * np.arange(1, 11), atol=9)  # 31 colors


def test_without_a_display_a_flight_that_was_broken_off_is_in_the_gif(tmp_path, capsys):
    with open_view(Render.auto, tmp_path, environment(), CONFIG) as view:
        (flight,) = view.flights(1)
        view.show(flight, Scene(), np.array([np.nan, np.inf]), 1)  # a network that has diverged
        raise KeyboardInterrupt
    assert (tmp_path / "lander.gif").exists()
    message = "no display (DISPLAY and WAYLAND_DISPLAY are not set): wrote "
    assert capsys.readouterr().out == f"{message}{tmp_path / 'lander.gif'} instead\n"


def test_what_cannot_be_shown_is_refused_beforehand():
    for render, drawable in ((Render.window, True), (Render.gif, False)):
        with pytest.raises(Problem, match="leave --render out"):
            check_can_render(render, environment(drawable))
        check_can_render(Render.auto, environment(drawable))
    broken = environment(check=Mock(side_effect=Problem("no frames")))
    with pytest.raises(Problem, match="no frames"):
        check_can_render(Render.auto, broken)
    check_can_render(Render.none, broken)
