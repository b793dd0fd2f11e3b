"""Beside a frame of the game, what the policy thinks at that moment."""

from functools import lru_cache

import numpy as np
import pygame
from PIL import Image

LOW, HIGH = -100, 150  # the lander's axis; what lies beyond is drawn to its end
WIDTH = 300  # pixels of the panel, to the right of the frame
MARGIN = 20
BAR_TOP, BAR_HEIGHT, BAR_PITCH = 152, 14, 46  # the first bar, and from one to the next
MOST_BARS = 4  # of more actions, the most promising ones
LEAST_HEIGHT = BAR_TOP + MOST_BARS * BAR_PITCH + 50  # of the panel
BACKGROUND = (24, 26, 32)
AXIS = (58, 62, 74)
TEXT = (222, 224, 230)
FAINT = (140, 145, 158)
BAR = (92, 112, 148)
CHOSEN = (250, 190, 60)
GOOD, BAD = (110, 210, 130), (240, 110, 100)


class Panel:
    """Draws what the network estimates, with a bar for each action, beside the frames of a game.

    Args:
        game: the `environments.Environment`.

    Attributes:
        low, high: the returns at the ends of the bars' axis; but for the lander, of which they
            are known beforehand, they make room for what is seen, in round numbers.
    """

    def __init__(self, game):
        self._actions = game.actions
        self._grows = not game.is_lander
        self.low, self.high = (0, 0) if self._grows else (LOW, HIGH)

    def draw(self, frame, episode, episode_return, estimates, action, verdict=None):
        """The frame with the panel beside it.

        Args:
            frame: the game's, an array of shape (height, width, 3).
            episode: its number.
            episode_return: the sum of its rewards so far.
            estimates: the estimated return of each action, shape (actions,).
            action: the index of the chosen one.
            verdict: how the episode ended, in words; None while it goes on.

        Returns:
            An array of shape (height, width + 300, 3), where a lower frame than 386 is centred.
        """
        if self._grows:
            self.low = min(self.low, -_round_up(-min(estimates)))
            self.high = max(self.high, _round_up(max(estimates)), self.low + 1)
        missing = LEAST_HEIGHT - len(frame)
        if missing > 0:
            frame = np.pad(frame, ((missing // 2, missing - missing // 2), (0, 0), (0, 0)))
        height = len(frame)
        panel = pygame.Surface((WIDTH, height))
        panel.fill(BACKGROUND)
        _write(panel, f"Episode {episode}", 30, TEXT, left=MARGIN, top=18)
        _write(panel, "return so far", 20, FAINT, left=MARGIN, top=54)
        _write(panel, f"{episode_return:+.0f}", 30, TEXT, right=WIDTH - MARGIN, top=48)
        _write(panel, "What the Q-network expects of each action:", 18, FAINT, left=MARGIN, top=92)
        _write(panel, "the return from here on, discounted", 18, FAINT, left=MARGIN, top=108)
        self._draw_bars(panel, estimates, action)
        if verdict:
            _write(panel, verdict, 34, _color(verdict), centerx=WIDTH // 2, bottom=height - 14)
        beside = pygame.surfarray.array3d(panel).swapaxes(0, 1)
        return np.concatenate([frame, beside], axis=1)

    def _draw_bars(self, panel, estimates, action):
        shown = sorted(np.argsort(-np.asarray(estimates), kind="stable")[:MOST_BARS])
        bottom = BAR_TOP + (len(shown) - 1) * BAR_PITCH + BAR_HEIGHT
        for value in np.linspace(self.low, self.high, 6):
            x = self.position(value)
            pygame.draw.line(panel, AXIS, (x, BAR_TOP - 4), (x, bottom + 4))
            _write(panel, f"{value:.4g}", 16, FAINT, centerx=x, top=bottom + 8)
        for row, number in enumerate(shown):
            estimate = estimates[number]
            color = CHOSEN if number == action else TEXT
            top = BAR_TOP + row * BAR_PITCH
            if number == action:
                middle = top - 10
                triangle = [(6, middle - 5), (6, middle + 5), (14, middle)]
                pygame.draw.polygon(panel, CHOSEN, triangle)
            _write(panel, self._actions[number], 20, color, left=MARGIN, bottom=top - 3)
            _write(panel, f"{estimate:.1f}", 20, color, right=WIDTH - MARGIN, bottom=top - 3)
            start, end = sorted((self.position(0), self.position(estimate)))
            bar = pygame.Rect(start, top, max(end - start, 1), BAR_HEIGHT)
            pygame.draw.rect(panel, CHOSEN if number == action else BAR, bar)

    def position(self, value):
        """Where on the bars' axis a return lies, in pixels from the panel's left."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return MARGIN + round(share * (WIDTH - 2 * MARGIN))


def caption(frame, title, episode_return, verdict=None):
    """The frame at half its size under a title, over its return so far or its verdict.

    Returns:
        An array of shape (height / 2 + 56, width / 2, 3).
    """
    frame = np.asarray(Image.fromarray(frame).reduce(2))
    height, width = frame.shape[:2]
    picture = pygame.Surface((width, height + 56))
    picture.fill(BACKGROUND)
    pygame.surfarray.blit_array(picture.subsurface((0, 28, width, height)), frame.swapaxes(0, 1))
    _write(picture, title, 22, TEXT, center=(width // 2, 14))
    color = _color(verdict) if verdict else FAINT
    words = verdict or f"{episode_return:+.0f}"
    _write(picture, words, 26 if verdict else 22, color, center=(width // 2, height + 42))
    pygame.draw.line(picture, BACKGROUND, (width - 1, 0), (width - 1, height + 56), 3)
    return pygame.surfarray.array3d(picture).swapaxes(0, 1)


def _round_up(value):
    """The next of ... 1, 2, 5, 10, 20, 50 ...; 0 for what is below 0."""
    if value <= 0:
        return 0
    power = 10 ** np.floor(np.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def _color(verdict):
    if verdict.startswith("landed"):
        return GOOD
    return BAD if verdict.startswith(("crashed", "flew away", "out of time")) else TEXT


def _write(surface, text, size, color, **place):
    image = _text(text, size, color)
    surface.blit(image, image.get_rect(**place))


@lru_cache(maxsize=512)
def _text(text, size, color):
    return _font(size).render(text, True, color)


@lru_cache(maxsize=None)
def _font(size):
    pygame.font.init()  # needs no display
    return pygame.font.Font(None, size)  # the one that comes with pygame: the same everywhere
