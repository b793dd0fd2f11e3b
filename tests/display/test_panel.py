"""The panel beside a frame: its axes, its words and its curves."""

import numpy as np
import pygame
import pytest

from starter.display import panel as panels
from starter.display.panel import Flight, Panel

NAMES = ("do nothing", "left engine", "main engine", "torque to the right")
SKY = np.zeros((400, 600, 3), np.uint8)


def flight_of(q_values, rewards=(), gamma=None):
    """A flight with these Q-values, shape (timesteps, actions), and greedy actions."""
    q_values = np.array(q_values, float)
    flight = Flight(7, list(q_values), list(q_values.argmax(axis=1)), list(rewards))
    if gamma:
        flight.end(gamma)
    return flight


def draw(panel, flight, verdict=None, frame=SKY):
    """The picture of the flight's newest timestep, an array of shape (height, width, 3)."""
    panel.fit(flight)
    picture = panel.draw(frame, flight, len(flight.q_values) - 1, verdict)
    return pygame.surfarray.array3d(picture).swapaxes(0, 1)


@pytest.fixture()
def words(monkeypatch):
    """The texts that are written."""
    written, write = [], panels.write

    def record(panel, text, *arguments, **place):
        written.append(text.strip())
        return write(panel, text, *arguments, **place)

    monkeypatch.setattr(panels, "write", record)
    return written


def test_the_words(words):
    flight = flight_of([[0, 0, 0, 20], [44.9, 42.5, 45, 25]], [-3.6])
    draw(Panel(NAMES), flight)
    expected = {"Episode 7", "return so far -4", "45.0", "-0.10", "-2.50", "best", "-20.0"}
    assert expected | {"0 do nothing", "3 torque to th"} < set(words)
    assert "actual" not in words
    words.clear()
    flight.rewards.append(100)
    flight.end(0.99)
    draw(Panel(NAMES), flight, verdict="landed +96")
    assert {"expected", "actual", "landed +96"} < set(words)


def test_the_curves_are_the_values_and_what_followed():
    flight = flight_of([[v, v - 1] for v in np.linspace(-60, 120, 201)], [0] * 200 + [80], 0.99)
    picture = draw(Panel(["a", "b"]), flight)
    bottom = panels.PLOT_TOP + panels.PLOT_HEIGHT
    for timestep in (20, 60, 180):
        x = 600 + panels.PLOT_LEFT + round(timestep * (panels.RIGHT - panels.PLOT_LEFT) / 300)
        for color, value in (
            (panels.SKY_BLUE, -60 + 0.9 * timestep),
            (panels.TEXT, 80 * 0.99 ** (200 - timestep)),
        ):
            rows = np.flatnonzero((picture[panels.PLOT_TOP : bottom + 1, x] == color).all(axis=-1))
            expected = (150 - value) / 250 * panels.PLOT_HEIGHT  # the axis goes from -100 to 150
            assert np.abs(rows - expected).min() < 1.6


@pytest.mark.parametrize(
    ("q_values", "low", "high", "limit"),
    [([51, 44], 0, 60, 5), ([-39.9, -40], -40, 0, 0.05), ([0, 0], 0, 1, 1)],
)
def test_the_axes_are_round_hold_zero_and_only_grow(q_values, low, high, limit):
    panel = Panel(["a", "b"])
    for part in (1, 0.1):
        panel.fit(flight_of([np.multiply(q_values, part)]))
        assert (panel.low, panel.high, panel.limit) == pytest.approx((low, high, limit))


@pytest.mark.parametrize(("count", "shown"), [(1, 1), (300, 4)])
def test_any_number_of_actions(count, shown, words):
    draw(Panel(["push"] * count), flight_of([np.arange(count) * 0.001] * 400))
    assert [word for word in words if " push" in word] == [
        f"{number} push" for number in range(count)[-shown:]
    ]
    assert {"100", "200", "300"} < set(words)  # the plot has scrolled


def test_a_name_that_has_the_number_already_is_not_numbered_again(words):
    draw(Panel(["action 0", "1"]), flight_of([[1.0, 0.5]]))
    assert "action 0" in words
    assert not {"0 action 0", "1 1"} & set(words)


@pytest.mark.parametrize(
    ("shape", "size"), [((500, 500), (500, 800)), ((84, 84), (400, 636)), ((210, 160), (400, 460))]
)
def test_frames_of_any_size(shape, size):
    frame = np.full((*shape, 3), 200, np.uint8)
    picture = draw(Panel(["a", "b"]), flight_of([[0, 1]]), frame=frame)
    assert picture.shape == (*size, 3)
    rows = np.flatnonzero((picture[:, 0] == 200).all(axis=-1))
    assert rows.min() == size[0] - 1 - rows.max()  # in the middle
