"""The panel beside a frame: what the network expects, in this state and of each action."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Callable, List, Optional, Sequence

import numpy as np
import pygame

WIDTH = 300  # pixels of the panel, to the right of the frame
LEAST_HEIGHT = 400  # of the panel; beside a taller frame, its plot is taller
LEFT, RIGHT, PLOT_LEFT = 14, WIDTH - 14, 48  # the margins; labels of the plot end at PLOT_LEFT
PLOT_TOP, PLOT_HEIGHT = 84, 78
TRACE_GAP, TRACE_HEIGHT = 8, 56
SHIFT = 100  # timesteps by which the plot scrolls when it is full
PAGE = 3 * SHIFT  # timesteps in the plot
ROW_HEIGHT = 21
BARS_LEFT, BARS_RIGHT = 122, 232
MOST_BARS = 4  # for more actions than that, the best ones are shown
MOST_LETTERS = 14  # of an action's number and name
SMALL, MEDIUM, LARGE = 13, 15, 22  # text, still readable when a page shows the picture smaller

# Okabe and Ito's palette, which color-blind people can tell apart.
ORANGE, SKY_BLUE = (230, 159, 0), (86, 180, 233)
GREEN, VERMILLION = (0, 158, 115), (213, 94, 0)
BACKGROUND, GRID = (24, 26, 32), (58, 62, 74)
TEXT, FAINT, BAR = (236, 238, 242), (194, 198, 208), (112, 124, 150)
# By the first word of a verdict; other verdicts have the color of text.
VERDICTS = {"landed": GREEN, "crashed": VERMILLION, "flew": VERMILLION, "out": VERMILLION}

# Makes a picture of a frame, an array of shape (height, width, 3) and type uint8.
Draw = Callable[[np.ndarray], pygame.Surface]


@dataclass
class Flight:
    """An episode so far, with the network's estimates; each list has an entry per timestep."""

    episode: int = 1
    q_values: List[np.ndarray] = field(default_factory=list)  # expected returns, shape (actions,)
    actions: List[int] = field(default_factory=list)  # their indices
    rewards: List[float] = field(default_factory=list)
    outcome: Optional[List[float]] = None  # discounted returns that followed, known at the end

    @property
    def values(self) -> np.ndarray:
        """The value V of each timestep's state, which is its largest Q-value."""
        return np.max(self.q_values, axis=1)

    def end(self, gamma: float) -> None:
        """Compute `outcome` from the rewards; `gamma` is the discount per timestep."""
        self.outcome, following = [], 0.0
        for reward in reversed(self.rewards):
            following = reward + gamma * following
            self.outcome.insert(0, following)


class Panel:
    """Draws the network's estimates beside the frames of an environment.

    The plot's axis, from `low` to `high`, holds returns; the two only move apart. `limit` is the
    length of the advantages' axis: half of the largest difference between two actions so far,
    because such differences are rare.
    """

    def __init__(self, actions: Sequence[str]):
        self._names = [
            (name if str(number) in name.split() else f"{number} {name}")[:MOST_LETTERS]
            for number, name in enumerate(actions)
        ]
        self._least = self._most = self._worst = 0.0

    def fit(self, flight: Flight) -> None:
        """Extend both axes, to round numbers, to show all of a flight."""
        shown = [self._least, self._most, *flight.values, *(flight.outcome or ())]
        self._least, self._most = min(shown), max(shown)
        self.step = round_up((self._most - self._least) / 4 or 1)
        self.low = self.step * np.floor(self._least / self.step)
        self.high = max(self.step * np.ceil(self._most / self.step), self.low + self.step)
        self._worst = max(self._worst, *np.ptp(flight.q_values, axis=1))
        self.limit = round_up(self._worst / 2 or 1)

    def draw(
        self, frame: np.ndarray, flight: Flight, timestep: int, verdict: Optional[str] = None
    ) -> pygame.Surface:
        """Return the frame with the panel beside it; `fit` must have seen the flight.

        The frame, an array of shape (height, width, 3) and type uint8, is of that timestep of the
        flight. The picture is 300 pixels wider, and at least 400 high: a lower frame is centered,
        and one below 200 is enlarged first. `verdict` says how the episode ended; None until then.
        """
        times = max(LEAST_HEIGHT // len(frame), 1)
        image = pygame.transform.scale_by(surface(frame), times)
        width, height = image.get_width(), max(image.get_height(), LEAST_HEIGHT)
        picture = pygame.Surface((width + WIDTH, height))
        picture.blit(image, (0, (height - image.get_height()) // 2))
        panel = picture.subsurface((width, 0, WIDTH, height))
        panel.fill(BACKGROUND)
        self._draw_heading(panel, flight, timestep, verdict)
        self._draw_value(panel, flight, timestep)
        self._draw_advantages(panel, flight.q_values[timestep], flight.actions[timestep])
        return picture

    def _draw_heading(self, panel, flight, timestep, verdict):
        write(panel, f"Episode {flight.episode}", MEDIUM, TEXT, left=LEFT, top=10)
        if verdict:
            color = VERDICTS.get(verdict.split()[0], TEXT)
            write(panel, f" {verdict} ", MEDIUM, BACKGROUND, color, right=RIGHT, top=10)
        else:
            so_far = sum(flight.rewards[:timestep])
            write(panel, f"return so far {so_far:+.0f}", SMALL, FAINT, right=RIGHT, top=12)

    def _draw_value(self, panel, flight, timestep):
        """Draw V as a number, then curves of the last timesteps, and the actions taken then."""
        value = flight.values[timestep]
        write(panel, "Value V of this state", MEDIUM, SKY_BLUE, left=LEFT, top=40)
        write(panel, _number(value, self.high - self.low), LARGE, SKY_BLUE, right=RIGHT, top=35)
        end = write(panel, "discounted return:", SMALL, FAINT, left=LEFT, top=62).right
        end = write(panel, "expected", SMALL, SKY_BLUE, left=end + 6, top=62).right
        if flight.outcome:
            write(panel, "actual", SMALL, TEXT, left=end + 6, top=62)
        height = PLOT_HEIGHT + panel.get_height() - LEAST_HEIGHT
        bottom = PLOT_TOP + height
        trace_top, trace_bottom = bottom + TRACE_GAP, bottom + TRACE_GAP + TRACE_HEIGHT
        begin = max(timestep // SHIFT - 2, 0) * SHIFT

        def x(timestep):
            return PLOT_LEFT + round((timestep - begin) / PAGE * (RIGHT - PLOT_LEFT))

        def y(value):
            return bottom - round((value - self.low) / (self.high - self.low) * height)

        for tick in np.arange(self.low, self.high + self.step / 2, self.step):
            pygame.draw.line(panel, GRID, (PLOT_LEFT, y(tick)), (RIGHT, y(tick)))
            write(panel, f"{tick:.5g}", SMALL, FAINT, right=PLOT_LEFT - 5, centery=y(tick))
        for tick in range(begin, begin + PAGE, SHIFT):
            pygame.draw.line(panel, GRID, (x(tick), PLOT_TOP), (x(tick), trace_bottom + 3))
            write(panel, f"{tick}", SMALL, FAINT, centerx=x(tick), top=trace_bottom + 3)
        write(panel, "timestep", SMALL, FAINT, right=RIGHT, top=trace_bottom + 3)

        count = len(self._names)
        pitch = TRACE_HEIGHT / count
        for number in range(count) if count <= MOST_BARS else (0, count - 1):
            middle = round(trace_top + (number + 0.5) * pitch)
            write(panel, f"{number}", SMALL, FAINT, right=PLOT_LEFT - 5, centery=middle)
        drawn = range(begin, timestep + 1)
        for t in drawn:
            top = trace_top + int(flight.actions[t] * pitch)
            pygame.draw.line(panel, ORANGE, (x(t), top), (x(t), top + max(int(pitch) - 3, 1)))
        for values, color, width in ((flight.outcome, TEXT, 1), (flight.values, SKY_BLUE, 2)):
            if values is not None and len(drawn) > 1:
                points = [(x(t), y(values[t])) for t in drawn]
                pygame.draw.lines(panel, color, False, points, width)
        pygame.draw.circle(panel, SKY_BLUE, (x(timestep), y(value)), 3)

    def _draw_advantages(self, panel, q_values, action):
        top = panel.get_height() - LEAST_HEIGHT + 252
        advantages = q_values - q_values.max()
        shown = sorted(np.argsort(-advantages, kind="stable")[:MOST_BARS])
        heading = "Advantage of each action"
        if len(q_values) > MOST_BARS:
            heading = f"Advantage of the best {MOST_BARS} of {len(q_values)}"
        write(panel, heading, MEDIUM, TEXT, left=LEFT, top=top)
        write(panel, "its Q-value minus the best Q-value", SMALL, FAINT, left=LEFT, top=top + 19)
        top += 40
        bottom = top + len(shown) * ROW_HEIGHT
        for tick in (0, self.limit / 4, self.limit):
            x = self.position(-tick)
            pygame.draw.line(panel, GRID, (x, top), (x, bottom))
            write(panel, f"{-tick or 0:.5g}", SMALL, FAINT, centerx=x, top=bottom + 1)
        write(panel, "√ scale", SMALL, FAINT, left=LEFT, top=bottom + 1)
        for row, number in enumerate(shown):
            advantage, chosen = advantages[number], number == action
            color, bar_color = (ORANGE, ORANGE) if chosen else (TEXT, BAR)
            middle = top + row * ROW_HEIGHT + ROW_HEIGHT // 2
            if chosen:
                marker = [(3, middle - 5), (3, middle + 5), (10, middle)]
                pygame.draw.polygon(panel, ORANGE, marker)
            write(panel, self._names[number], SMALL, color, left=LEFT, centery=middle)
            start = self.position(advantage)
            pygame.draw.rect(panel, bar_color, (start, middle - 6, BARS_RIGHT - start, 12))
            if advantage:
                words = _number(advantage, max(self.limit / 5, -advantage))
            else:
                words = "best"
                pygame.draw.circle(panel, color, (BARS_RIGHT, middle), 4)
            write(panel, words, SMALL, color, right=RIGHT, centery=middle)

    def position(self, advantage: float) -> int:
        """Return where an advantage (0 or less) is on the axis, in pixels from the panel's left.

        The axis has a square-root scale: most advantages are small.
        """
        share = min(-advantage / self.limit, 1) ** 0.5
        return BARS_RIGHT - round((BARS_RIGHT - BARS_LEFT) * share)


def surface(frame: np.ndarray) -> pygame.Surface:
    """Return a frame, an array of shape (height, width, 3) and type uint8, for pygame."""
    height, width = frame.shape[:2]
    return pygame.image.frombuffer(np.ascontiguousarray(frame), (width, height), "RGB")


def round_up(value: float) -> float:
    """Round a positive value up to one of ... 1, 2, 5, 10, 20, 50 ..."""
    power = 10.0 ** np.floor(np.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9))


def _number(value, span):
    """Format `value` with as many decimals as show 1 % of `span`; at most four."""
    return f"{value:.{min(max(2 - int(np.floor(np.log10(span))), 0), 4)}f}"


def write(panel, text: str, size: int, color, background=None, **place: int) -> pygame.Rect:
    """Write a line of text at a place such as `right=10, centery=20`; return its rectangle."""
    image = _font(size).render(text, True, color, background)
    return panel.blit(image, image.get_rect(**place))


@lru_cache(maxsize=None)
def _font(size):
    import matplotlib  # for its font, which is the same everywhere; pygame's is coarse

    pygame.font.init()  # needs no display
    return pygame.font.Font(matplotlib.get_data_path() + "/fonts/ttf/DejaVuSans.ttf", size)
