"""What a GIF file holds, read back by Pillow."""

import numpy as np
import pytest
from PIL import Image

from starter.display.gif import Gif
from starter.display.panel import surface


def played(path):
    """The picture of every hundredth of a second, shape (hundredths, height, width, 3)."""
    image = Image.open(path)
    shown = []
    for number in range(image.n_frames):
        image.seek(number)
        shown += [np.asarray(image.convert("RGB"))] * (image.info["duration"] // 10)
    return np.array(shown, int)


def test_it_plays_what_was_shown_and_loops(tmp_path):
    """Also where nothing changes for a while, and colors that appear briefly or at the end."""
    frames = [np.zeros((50, 70, 3), np.uint8)]
    for row, column, color in [(0, 0, 255), (30, 40, 90), (30, 40, 90), (45, 65, 200)] * 8:
        frames.append(frames[-1].copy())
        frames[-1][row : row + 5, column : column + 5] = color
        frames[-1][row, column] = (255, 40, 40)
    end = frames[0].copy()
    end[20:40] = (0, 158, 115)
    gif = Gif(tmp_path / "parts.gif", 50)
    for frame in frames:
        gif.show(frame, surface)
    gif.show(end, surface, seconds=0.4)
    gif.show(frames[0], surface)
    gif.close()
    expected = np.repeat([*frames, *[end] * 10, frames[0]], 4, axis=0)
    np.testing.assert_allclose(played(tmp_path / "parts.gif"), expected, atol=12)
    assert Image.open(tmp_path / "parts.gif").info["loop"] == 0


@pytest.mark.parametrize(("speed", "every", "duration"), [(60, 2, 30), (30, 1, 30), (4, 1, 250)])
def test_it_keeps_the_environments_speed(speed, every, duration, tmp_path):
    gif = Gif(tmp_path / "any.gif", speed)
    gif.show(np.zeros((4, 4, 3), np.uint8), surface)
    gif.close()
    image = Image.open(tmp_path / "any.gif")
    assert (gif.every, image.info["duration"]) == (every, duration)


def test_many_large_frames_make_a_small_file(tmp_path):
    """Only what changes is stored: here 40 x 40 pixels in each frame."""
    gif = Gif(tmp_path / "small.gif", 25)
    for timestep in range(100):
        frame = np.full((400, 600, 3), (0, 60, 0), np.uint8)
        frame[timestep:, 3 * timestep :][:40, :40] = (128, 102, 230)
        gif.show(frame, surface)
    gif.close()
    assert (tmp_path / "small.gif").stat().st_size < 60_000
