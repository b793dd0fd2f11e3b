"""The panel beside a frame, by its pixels and its words."""

import numpy as np
import pygame
import pytest

from starter.display import overlay

NAMES = ("do nothing", "left engine", "main engine", "torque to the right")
SKY = np.zeros((400, 600, 3), np.uint8)


def flight_of(q_values, rewards=(), actions=None):
    flight = overlay.Flight(7)
    for timestep, values in enumerate(q_values):
        values = np.array(values, float)
        flight.add(values, actions[timestep] if actions else int(values.argmax()))
    flight.rewards.extend(rewards)
    return flight


def pixels(picture):
    return pygame.surfarray.array3d(picture).swapaxes(0, 1)


def where(picture, color, rows=slice(None), columns=slice(600, None)):
    """The rows and columns of the panel's pixels of a color."""
    return np.nonzero((pixels(picture)[rows, columns] == color).all(axis=-1))


@pytest.fixture()
def words(monkeypatch):
    """The texts that were written, in their order."""
    written, write = [], overlay.write

    def record(panel, text, *arguments, **place):
        written.append(text)
        return write(panel, text, *arguments, **place)

    monkeypatch.setattr(overlay, "write", record)
    return written


def test_each_actions_bar_is_its_advantage():
    panel = overlay.Panel(NAMES)
    panel.fit(flight_of([[0, 0, 0, 20]]))  # an axis of 10, half of the worst
    picture = panel.draw(SKY, flight_of([[44.9, 42.5, 45, 25]], [0.5]))
    lengths = []
    for row in range(4):
        middle = 294 + row * overlay.ROW_HEIGHT + overlay.ROW_HEIGHT // 2
        _, columns = where(picture, overlay.BAR, slice(middle - 4, middle - 3))
        lengths.append(len(columns))
    # 128 pixels times the root of 0.1 / 10, 2.5 / 10 and more than there is room for.
    assert lengths == [13, 64, 0, 128]
    rows, _ = where(picture, overlay.ORANGE, slice(290, None))
    assert rows.min() >= 2 * overlay.ROW_HEIGHT
    assert rows.max() < 3 * overlay.ROW_HEIGHT + 10  # only the third row is marked


def test_the_words(words):
    panel, flight = overlay.Panel(NAMES), flight_of([[0, 0, 0, 20], [44.9, 42.5, 45, 25]], [-3.6])
    panel.draw(SKY, flight)
    assert {"Episode 7", "return so far -4", "45.0", "-0.10", "-2.50", "best", "-20.0"} < set(
        words
    )
    assert {"0 do nothing", "1 left engine", "2 main engine", "3 torque to th…"} < set(words)
    assert "actual" not in words
    words.clear()
    flight.rewards.append(100)
    flight.end(0.99)
    panel.draw(SKY, flight, verdict="landed +96")
    assert {"expected", "actual"} < set(words)
    assert "return so far +96" not in words


@pytest.mark.parametrize(
    ("verdict", "color"), [("landed +9", overlay.GREEN), ("crashed -9", overlay.VERMILLION)]
)
def test_the_verdict_has_its_color(verdict, color):
    picture = overlay.Panel(NAMES).draw(SKY, flight_of([[0, 1, 2, 3]]), verdict=verdict)
    rows, _ = where(picture, color)
    assert len(rows) > 500
    assert rows.max() < 35


def test_the_curves_are_the_values_and_what_followed():
    flight = flight_of([[v, v - 1] for v in np.linspace(-60, 120, 201)], [0] * 200 + [80])
    flight.end(0.99)
    panel = overlay.Panel(["a", "b"])
    panel.fit(flight)
    picture = panel.draw(SKY, flight)
    bottom = overlay.PLOT_TOP + overlay.PLOT_HEIGHT
    for timestep in (20, 60, 180):
        column = 600 + overlay.PLOT_LEFT + round(timestep * 242 / 300)
        plot = slice(overlay.PLOT_TOP, bottom + 1), slice(column, column + 1)
        for color, value in (
            (overlay.SKY_BLUE, -60 + 0.9 * timestep),
            (overlay.TEXT, 80 * 0.99 ** (200 - timestep)),
        ):
            rows, _ = where(picture, color, *plot)
            expected = bottom - overlay.PLOT_TOP - (value + 100) / 250 * overlay.PLOT_HEIGHT
            assert np.abs(rows - expected).min() < 1.6


def test_the_outcome_is_the_discounted_return():
    flight = flight_of([[0]] * 3, [1, -2, 10])
    flight.end(0.5)
    assert flight.outcome == [1 - 2 * 0.5 + 10 * 0.25, -2 + 10 * 0.5, 10]


def test_the_trace_shows_the_actions_taken():
    actions = [0] * 50 + [3] * 50 + [1] * 5
    picture = overlay.Panel(NAMES).draw(SKY, flight_of([[1, 1, 1, 1]] * 105, actions=actions))
    top = overlay.PLOT_TOP + overlay.PLOT_HEIGHT + overlay.TRACE_GAP
    trace = slice(top, top + overlay.TRACE_HEIGHT)
    rows, columns = where(picture, overlay.ORANGE, trace)
    taken = {c - overlay.PLOT_LEFT: r // 11 for r, c in zip(rows, columns)}
    assert [taken[round(t * 242 / 300)] for t in (0, 30, 60, 95, 103)] == [0, 0, 3, 3, 1]
    # A flight that is longer than the plot moves on.
    picture = overlay.Panel(NAMES).draw(SKY, flight_of([[1, 0, 0, 0]] * 301))
    _, columns = where(picture, overlay.ORANGE, trace)
    assert columns.max() == overlay.PLOT_LEFT + round(200 * 242 / 300)


@pytest.mark.parametrize(
    ("q_values", "low", "high", "limit"),
    [
        ([51, 44], 0, 60, 5),
        ([-39.9, -40], -40, 0, 0.05),
        ([-90, 108], 0, 150, 100),
        ([0.004, 0.001], 0, 0.004, 0.002),
        ([0, 0], 0, 1, 1),
    ],
)
def test_the_axes_are_round_hold_zero_and_only_grow(q_values, low, high, limit, words):
    panel = overlay.Panel(["a", "b"])
    panel.draw(SKY, flight_of([q_values]))
    axes = panel.low, panel.high, panel.limit
    assert axes == pytest.approx((low, high, limit))
    assert words.count("0") >= 2  # a tick of both axes
    panel.draw(SKY, flight_of([np.multiply(q_values, 0.1)]))
    assert (panel.low, panel.high, panel.limit) == axes


@pytest.mark.parametrize(("count", "shown"), [(1, 1), (2, 2), (300, 4)])
def test_any_number_of_actions_without_names(count, shown, words):
    q_values = np.arange(count) * 0.001
    panel = overlay.Panel([f"action {number}" for number in range(count)])
    panel.draw(SKY, flight_of([q_values]))
    named = [word for word in words if word.startswith("action ")]
    assert named == [f"action {number}" for number in range(count - shown, count)]
    assert ("Advantage of the best 4 of 300" in words) == (count == 300)


@pytest.mark.parametrize(
    ("shape", "size"),
    [((400, 600), (900, 400)), ((500, 500), (800, 500)), ((84, 84), (636, 400))],
)
def test_frames_of_any_size(shape, size):
    frame = np.full((*shape, 3), 200, np.uint8)
    picture = overlay.Panel(["a", "b"]).draw(frame, flight_of([[0, 1]]))
    assert picture.get_size() == size
    columns = slice(0, size[0] - overlay.WIDTH)
    rows, _ = where(picture, (200, 200, 200), columns=columns)
    assert rows.min() == size[1] - 1 - rows.max()  # in the middle
