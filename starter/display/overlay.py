"""The panel beside a frame: what the Q-network thinks of the situation and of each action."""

from functools import lru_cache
from itertools import repeat

import numpy as np
import pygame
from PIL import Image

WIDTH = 300  # pixels of the panel, to the right of the frame
LEAST_HEIGHT = 400  # of the panel; a taller frame leaves its plot more room
LEFT, RIGHT, PLOT_LEFT = 14, WIDTH - 14, 44  # the panel's margins; the labels end at PLOT_LEFT
PLOT_TOP, PLOT_HEIGHT = 84, 88
TRACE_GAP, TRACE_HEIGHT = 10, 44
PAGE, PAGE_SHIFT = 300, 100  # timesteps in the plot, and by how many it moves on when full
ROW_HEIGHT = 21
BARS_LEFT, BARS_RIGHT = 114, 242
MOST_BARS = 4  # of more actions, the most promising ones
MOST_LETTERS = 15  # of an action's name

# Okabe and Ito's palette, made to be told apart by color-blind people.
ORANGE, SKY_BLUE = (230, 159, 0), (86, 180, 233)
GREEN, VERMILLION = (0, 158, 115), (213, 94, 0)
BACKGROUND, GRID = (24, 26, 32), (58, 62, 74)
TEXT, FAINT, BAR = (228, 230, 236), (158, 163, 176), (112, 124, 150)


class Flight:
    """What happened in an episode so far.

    Attributes:
        episode: its number, from 1.
        q_values: for each timestep, the expected return of each action, shape (actions,).
        values: for each timestep, the value V of its state: the greedy policy's expected return.
        actions: for each timestep, the index of the action.
        rewards: for each timestep, its reward.
        outcome: for each timestep, the discounted return that followed; None until the end.
    """

    def __init__(self, episode=1):
        self.episode = episode
        self.q_values, self.values, self.actions, self.rewards = [], [], [], []
        self.outcome = None

    def add(self, q_values, action):
        """Begin a timestep."""
        self.q_values.append(q_values)
        self.values.append(q_values.max())
        self.actions.append(action)

    def end(self, gamma):
        """Fill in `outcome`: the sum of the rewards to come, each times `gamma` ** its delay."""
        self.outcome, following = [0.0] * len(self.rewards), 0.0
        for timestep in reversed(range(len(self.rewards))):
            following = self.rewards[timestep] + gamma * following
            self.outcome[timestep] = following


class Panel:
    """Draws what the network thinks beside the frames of an environment.

    Args:
        actions: the names of the environment's actions.

    Attributes:
        low, high, step: the ends of the plot's axis, which only move apart, and its ticks, in
            units of return.
        limit: how far the advantages' axis goes below 0, in units of return: half of the worst
            one seen, which is rare. It hardly ever changes.
    """

    def __init__(self, actions):
        self._names = [_label(number, name) for number, name in enumerate(actions)]
        self._least = self._most = self._worst = 0.0

    def fit(self, flight):
        """Make room on both axes for a whole flight."""
        for q_values, outcome in zip(flight.q_values, flight.outcome or repeat(0.0)):
            self._fit(q_values, outcome)

    def _fit(self, q_values, outcome=0.0):
        """Make room for a timestep's estimates and outcome, in round numbers."""
        value = q_values.max()
        self._least = min(self._least, value, outcome)
        self._most = max(self._most, value, outcome)
        self.step = round_up((self._most - self._least) / 4 or 1)
        self.low = self.step * np.floor(self._least / self.step)
        self.high = max(self.step * np.ceil(self._most / self.step), self.low + self.step)
        self._worst = max(self._worst, value - q_values.min())
        self.limit = round_up(self._worst / 2 or 1)

    def draw(self, frame, flight, timestep=-1, verdict=None):
        """The frame with the panel beside it.

        Args:
            frame: the environment's, an array of shape (height, width, 3) and type uint8.
            flight: the `Flight`.
            timestep: of which of its timesteps; the newest by default.
            verdict: how the episode ended, in words; None until then.

        Returns:
            A `pygame.Surface`, 300 pixels wider than the frame and at least 400 high. A lower
            frame is centered; a very small one is enlarged first.
        """
        timestep %= len(flight.q_values)
        self._fit(flight.q_values[timestep])
        times = max(LEAST_HEIGHT // len(frame), 1)
        if times > 1:
            frame = frame.repeat(times, axis=0).repeat(times, axis=1)
        image = surface(frame)
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
        write(panel, f"Episode {flight.episode}", 15, TEXT, left=LEFT, top=10)
        if verdict:
            image = _text(verdict, 15, BACKGROUND)
            badge = image.get_rect(right=RIGHT - 6, top=10).inflate(12, 4)
            pygame.draw.rect(panel, _color(verdict), badge, border_radius=4)
            panel.blit(image, image.get_rect(center=badge.center))
        else:
            so_far = sum(flight.rewards[:timestep])
            write(panel, f"return so far {so_far:+.0f}", 13, FAINT, right=RIGHT, top=12)

    def _draw_value(self, panel, flight, timestep):
        """V as a number and over the last timesteps, and the actions taken in them."""
        words = _number(flight.values[timestep], self.high - self.low)
        write(panel, "Value V of this state", 14, SKY_BLUE, left=LEFT, top=42)
        write(panel, words, 22, SKY_BLUE, right=RIGHT, top=37)
        words = "discounted return from here:"
        end = write(panel, words, 11, FAINT, left=LEFT, top=62).right
        end = write(panel, "expected", 11, SKY_BLUE, left=end + 6, top=62).right
        if flight.outcome:
            write(panel, "actual", 11, TEXT, left=end + 6, top=62)
        height = PLOT_HEIGHT + panel.get_height() - LEAST_HEIGHT
        bottom = PLOT_TOP + height
        trace_top, trace_bottom = bottom + TRACE_GAP, bottom + TRACE_GAP + TRACE_HEIGHT

        def x(timestep):
            return PLOT_LEFT + round((timestep - begin) / PAGE * (RIGHT - PLOT_LEFT))

        def y(value):
            return bottom - round((value - self.low) / (self.high - self.low) * height)

        for tick in np.arange(self.low, self.high + self.step / 2, self.step):
            pygame.draw.line(panel, GRID, (PLOT_LEFT, y(tick)), (RIGHT, y(tick)))
            write(panel, f"{tick:.5g}", 11, FAINT, right=PLOT_LEFT - 5, centery=y(tick))
        begin = max(0, -(-(timestep + 1 - PAGE) // PAGE_SHIFT) * PAGE_SHIFT)
        for tick in range(begin, begin + PAGE, PAGE_SHIFT):
            pygame.draw.line(panel, GRID, (x(tick), PLOT_TOP), (x(tick), trace_bottom + 3))
            write(panel, f"{tick}", 11, FAINT, centerx=x(tick), top=trace_bottom + 4)
        write(panel, "timestep", 11, FAINT, right=RIGHT, top=trace_bottom + 4)

        count = len(self._names)
        pitch = TRACE_HEIGHT / count
        for number in range(count) if count <= 4 else (0, count - 1):
            middle = trace_top + (number + 0.5) * pitch
            write(panel, f"{number}", 10, FAINT, right=PLOT_LEFT - 5, centery=round(middle))
        drawn = range(begin, timestep + 1)
        for t in drawn:
            top = trace_top + int(flight.actions[t] * pitch)
            pygame.draw.line(panel, ORANGE, (x(t), top), (x(t), top + max(int(pitch) - 3, 1)))
        for values, color, width in ((flight.outcome, TEXT, 1), (flight.values, SKY_BLUE, 2)):
            if values and len(drawn) > 1:
                points = [(x(t), y(values[t])) for t in drawn]
                pygame.draw.lines(panel, color, False, points, width)
        now = x(timestep), y(flight.values[timestep])
        pygame.draw.circle(panel, SKY_BLUE, now, 3)

    def _draw_advantages(self, panel, q_values, action):
        """A bar for each action, from the best one's 0 to the left: how much less it promises."""
        top = panel.get_height() - LEAST_HEIGHT + 254
        advantages = q_values - q_values.max()
        shown = sorted(np.argsort(-advantages, kind="stable")[:MOST_BARS])
        heading = "Advantage of each action"
        if len(shown) < len(q_values):
            heading = f"Advantage of the best {MOST_BARS} of {len(q_values)}"
        write(panel, heading, 14, TEXT, left=LEFT, top=top)
        words = "its expected return minus the best one's"
        write(panel, words, 11, FAINT, left=LEFT, top=top + 20)
        top += 40
        bottom = top + len(shown) * ROW_HEIGHT
        for tick in (0, self.limit / 10, round_up(self.limit / 2.5), self.limit):
            x = self.position(-tick)
            pygame.draw.line(panel, GRID, (x, top), (x, bottom))
            write(panel, f"{-tick or 0:.5g}", 11, FAINT, centerx=x, top=bottom + 2)
        write(panel, "√ scale", 11, FAINT, left=LEFT, top=bottom + 2)
        for row, number in enumerate(shown):
            color = ORANGE if number == action else TEXT
            middle = top + row * ROW_HEIGHT + ROW_HEIGHT // 2
            if number == action:
                marker = [(3, middle - 5), (3, middle + 5), (10, middle)]
                pygame.draw.polygon(panel, ORANGE, marker)
            write(panel, self._names[number], 12, color, left=LEFT, centery=middle)
            start = self.position(advantages[number])
            bar = pygame.Rect(start, middle - 6, BARS_RIGHT - start, 12)
            pygame.draw.rect(panel, ORANGE if number == action else BAR, bar)
            if advantages[number] == 0:
                pygame.draw.circle(panel, color, (BARS_RIGHT, middle), 4)
            span = max(self.limit / 5, -advantages[number])
            words = _number(advantages[number], span) if advantages[number] else "best"
            size = 12 if len(words) < 7 else 10
            write(panel, words, size, color, right=RIGHT, centery=middle)

    def position(self, advantage):
        """Where on the axis an advantage (0 or less) lies, in pixels from the panel's left.

        By its square root: most are below 5, and a few above 15.
        """
        share = min(-advantage / self.limit, 1) ** 0.5
        return BARS_RIGHT - round((BARS_RIGHT - BARS_LEFT) * share)


def caption(frame, title, words):
    """The frame at half its size under a title, over its return so far or its verdict.

    Returns:
        A `pygame.Surface`, half as wide as the frame and 56 pixels more than half as high.
    """
    image = surface(np.asarray(Image.fromarray(frame).reduce(2)))
    width, height = image.get_size()
    picture = pygame.Surface((width, height + 56))
    picture.fill(BACKGROUND)
    picture.blit(image, (0, 28))
    write(picture, title, 15, TEXT, center=(width // 2, 14))
    write(picture, words, 15, _color(words), center=(width // 2, height + 42))
    pygame.draw.line(picture, BACKGROUND, (width - 1, 0), (width - 1, height + 56), 3)
    return picture


def side_by_side(pictures):
    """Surfaces of one size in a row."""
    width, height = pictures[0].get_size()
    row = pygame.Surface((len(pictures) * width, height))
    row.blits([(picture, (i * width, 0)) for i, picture in enumerate(pictures)])
    return row


def surface(frame):
    """A frame, an array of shape (height, width, 3) and type uint8, as a `pygame.Surface`."""
    height, width = frame.shape[:2]
    return pygame.image.frombuffer(np.ascontiguousarray(frame), (width, height), "RGB")


def round_up(value):
    """The next of ... 1, 2, 5, 10, 20, 50 ..., for a positive value."""
    power = 10.0 ** np.floor(np.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9))


def _label(number, name):
    label = name if str(number) in name.split() else f"{number} {name}"
    return label if len(label) <= MOST_LETTERS else label[: MOST_LETTERS - 1] + "…"


def _number(value, span):
    """`value`, with the decimals that show `span` to three significant digits; at most four."""
    return f"{value:.{min(max(2 - int(np.floor(np.log10(span))), 0), 4)}f}"


def _color(verdict):
    if verdict.startswith("landed"):
        return GREEN
    return VERMILLION if verdict.startswith(("crashed", "flew away", "out of time")) else TEXT


def write(surface, text, size, color, **place):
    """Write a line of text at a place such as `right=10, centery=20`; returns its rectangle."""
    image = _text(text, size, color)
    return surface.blit(image, image.get_rect(**place))


@lru_cache(maxsize=512)
def _text(text, size, color):
    return _font(size).render(text, True, color)


@lru_cache(maxsize=None)
def _font(size):
    import matplotlib  # for its font, which is the same everywhere; pygame's is coarse

    pygame.font.init()  # needs no display
    return pygame.font.Font(matplotlib.get_data_path() + "/fonts/ttf/DejaVuSans.ttf", size)
