"""What a GIF file holds, read back by Pillow."""

import numpy as np
import pytest
from PIL import Image

from starter import Problem
from starter.display.gif import Gif
from starter.display.overlay import surface


def played(path):
    """Every hundredth second's picture, shape (hundredths, height, width, 3)."""
    image = Image.open(path)
    shown = []
    for number in range(image.n_frames):
        image.seek(number)
        shown += [np.asarray(image.convert("RGB"))] * (image.info["duration"] // 10)
    return np.array(shown, int)


def test_it_plays_what_was_added_and_loops(tmp_path):
    """Also where nothing changes for a while, and with an odd piece in a corner."""
    frames = [np.zeros((50, 70, 3), np.uint8)]
    for row, column, color in [(0, 0, 255), (30, 40, 90), (30, 40, 90), (45, 65, 200)]:
        frames.append(frames[-1].copy())
        frames[-1][row : row + 5, column : column + 5] = color
        frames[-1][row, column] = (255, 40, 40)
    gif = Gif(tmp_path / "parts.gif", 50)
    assert (gif.every, gif.duration) == (2, 40)
    for frame in frames:
        gif.add(surface(frame))
    gif.add(surface(frames[0]), times=10)
    gif.close()
    expected = np.repeat([*frames, *frames[:1] * 10], 4, axis=0)
    np.testing.assert_allclose(played(tmp_path / "parts.gif"), expected, atol=12)
    image = Image.open(tmp_path / "parts.gif")
    assert image.info["loop"] == 0
    assert image.n_frames == 5  # one waits twice as long, and so does the last


@pytest.mark.parametrize(
    ("speed", "every", "duration"), [(60, 2, 30), (30, 1, 30), (20, 1, 50), (4, 1, 250)]
)
def test_it_keeps_the_environments_speed(speed, every, duration, tmp_path):
    gif = Gif(tmp_path / "any.gif", speed)
    assert (gif.every, gif.duration) == (every, duration)


def test_of_very_many_pictures_it_takes_every_second(tmp_path):
    gif = Gif(tmp_path / "long.gif", 25)
    for number in range(1500):
        gif.add(surface(np.full((4, 4, 3), number % 256, np.uint8)))
    gif.close()
    assert len(played(tmp_path / "long.gif")) == 1500 * 4
    assert Image.open(tmp_path / "long.gif").n_frames <= 750


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path):
    (tmp_path / "taken.gif").mkdir()
    gif = Gif(tmp_path / "taken.gif", 25)
    gif.add(surface(np.zeros((4, 4, 3), np.uint8)))
    with pytest.raises(Problem, match="cannot write"):
        gif.close()
    assert [path.name for path in tmp_path.iterdir()] == ["taken.gif"]


def test_without_pictures_there_is_no_file(tmp_path):
    Gif(tmp_path / "none.gif", 25).close()
    assert list(tmp_path.iterdir()) == []
