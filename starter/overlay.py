"""Beside a frame of the game, what the policy thinks at that moment."""

from functools import lru_cache

import numpy as np
import pygame
from PIL import Image

ACTIONS = ("do nothing", "left engine", "main engine", "right engine")  # LunarLander's 0 to 3
LOW, HIGH = -100, 150  # the ends of the bars' axis; what lies beyond is drawn to the end
WIDTH = 300  # pixels of the panel, to the right of the frame
MARGIN = 20
BAR_TOP, BAR_HEIGHT, BAR_PITCH = 152, 14, 46  # the first bar, and from one to the next
BACKGROUND = (24, 26, 32)
AXIS = (58, 62, 74)
TEXT = (222, 224, 230)
FAINT = (140, 145, 158)
BAR = (92, 112, 148)
CHOSEN = (250, 190, 60)
GOOD, BAD = (110, 210, 130), (240, 110, 100)


def draw(frame, episode, episode_return, estimates, action, verdict=None):
    """The frame with a panel beside it: a bar for each action's estimated return.

    Args:
        frame: the game's, an array of shape (height, width, 3).
        episode: its number.
        episode_return: the sum of its rewards so far.
        estimates: the estimated return of each action, shape (4,).
        action: the index of the chosen one.
        verdict: how the episode ended, in words; None while it goes on.

    Returns:
        An array of shape (height, width + 300, 3).
    """
    height = len(frame)
    panel = pygame.Surface((WIDTH, height))
    panel.fill(BACKGROUND)
    _write(panel, f"Episode {episode}", 30, TEXT, left=MARGIN, top=18)
    _write(panel, "return so far", 20, FAINT, left=MARGIN, top=54)
    _write(panel, f"{episode_return:+.0f}", 30, TEXT, right=WIDTH - MARGIN, top=48)
    _write(panel, "What the Q-network expects of each action:", 18, FAINT, left=MARGIN, top=92)
    _write(panel, "the return from here on, discounted", 18, FAINT, left=MARGIN, top=108)
    bottom = BAR_TOP + 3 * BAR_PITCH + BAR_HEIGHT
    for value in range(LOW, HIGH + 1, 50):
        x = position(value)
        pygame.draw.line(panel, AXIS, (x, BAR_TOP - 4), (x, bottom + 4))
        _write(panel, f"{value}", 16, FAINT, centerx=x, top=bottom + 8)
    for number, (name, estimate) in enumerate(zip(ACTIONS, estimates)):
        color = CHOSEN if number == action else TEXT
        top = BAR_TOP + number * BAR_PITCH
        if number == action:
            middle = top - 10
            triangle = [(6, middle - 5), (6, middle + 5), (14, middle)]
            pygame.draw.polygon(panel, CHOSEN, triangle)
        _write(panel, name, 20, color, left=MARGIN, bottom=top - 3)
        _write(panel, f"{estimate:.1f}", 20, color, right=WIDTH - MARGIN, bottom=top - 3)
        start, end = sorted((position(0), position(estimate)))
        bar = pygame.Rect(start, top, max(end - start, 1), BAR_HEIGHT)
        pygame.draw.rect(panel, CHOSEN if number == action else BAR, bar)
    if verdict:
        _write(panel, verdict, 34, _color(verdict), centerx=WIDTH // 2, bottom=height - 14)
    beside = pygame.surfarray.array3d(panel).swapaxes(0, 1)
    return np.concatenate([frame, beside], axis=1)


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


def verdict(observation, reward, truncated, episode_return):
    """How an episode of LunarLander ended, in words, by its last timestep.

    Its last reward is 100 if the lander has come to rest, and -100 if its body has touched
    the moon or it has left the picture, where the first value of its observation is -1 or 1.
    """
    if truncated:
        how = "out of time"
    elif reward > 0:
        how = "landed"
    else:
        how = "crashed" if abs(observation[0]) < 1 else "flew away"
    return f"{how} {episode_return:+.0f}"


def position(value):
    """Where on the bars' axis a return lies, in pixels from the panel's left."""
    share = (min(max(value, LOW), HIGH) - LOW) / (HIGH - LOW)
    return MARGIN + round(share * (WIDTH - 2 * MARGIN))


def _color(verdict):
    return GOOD if verdict.startswith("landed") else BAD


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
