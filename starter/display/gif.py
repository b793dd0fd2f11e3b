"""Animated GIFs, written picture by picture: Pillow alone is slow, and holds all in memory."""

from pathlib import Path

import lz4.block
import numpy as np
import pygame
from PIL import Image
from PIL.GifImagePlugin import getdata, getheader

from starter.display.panel import Draw
from starter.files import replacing, writing

FRAMES_PER_SECOND = 25  # at most, whatever the speed: browsers slow down GIFs beyond 50
UNCHANGED = 31  # the transparent color, after 31 visible ones: the pixel stays as it was


class Gif:
    """Records frames, and draws them when it is closed: by then the panel knows each return.

    It makes the folder, or raises a `Problem`. `reason` says why it takes a window's place.
    """

    def __init__(self, path: Path, timesteps_per_second: float, reason: str = ""):
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._reason = path, reason
        self.every = max(round(timesteps_per_second / FRAMES_PER_SECOND), 1)  # timesteps a frame
        # A GIF counts in hundredths of a second, and browsers slow down those below 2.
        self._time = max(round(100 * self.every / timesteps_per_second), 2)
        self._frames = []

    def show(self, frame: np.ndarray, draw: Draw, title: str = "", seconds: float = 0) -> None:
        """Record a frame, to be drawn later and shown until the next one, or for `seconds`."""
        packed = lz4.block.compress(frame.tobytes())  # some KB, not one MB
        self._frames.append((packed, frame.shape, draw, round(100 * seconds) or self._time))

    def close(self) -> None:
        """Write the file, which loops, or raise a `Problem`; without frames, do nothing."""
        if self._frames:
            with replacing(self._path) as scratch, scratch.open("wb") as file:
                file.writelines(self._blocks())
            wrote = f"wrote {self._path}"
            print(f"{self._reason}: {wrote} instead" if self._reason else wrote)

    def _blocks(self):
        # One palette for all pictures, from 16 of them and those that are held: only these show
        # a verdict. Octrees keep rare colors, such as the engine's sparks.
        held = [frame for frame in self._frames if frame[-1] > self._time]
        sample = held + self._frames[:: len(self._frames) // 16 + 1]
        column = np.concatenate([np.asarray(_picture(*frame)) for frame in sample])
        palette = Image.fromarray(column).quantize(UNCHANGED, method=Image.Quantize.FASTOCTREE)
        before = None
        for frame in self._frames:
            image = _picture(*frame).quantize(palette=palette, dither=Image.Dither.NONE)
            part = pixels = np.asarray(image)
            box = (0, 0, *image.size)
            if before is None:
                yield from getheader(image, info={"loop": 0})[0]
            else:
                same = pixels == before
                part = np.where(same, np.uint8(UNCHANGED), pixels)
                box = Image.fromarray(~same).getbbox() or (0, 0, 1, 1)
            before = pixels
            options = {"duration": 10 * frame[-1], "transparency": UNCHANGED}
            yield from getdata(Image.fromarray(part).crop(box), box[:2], **options)
        yield b";"  # the end of the file


def _picture(packed, shape, draw, _):
    picture = draw(np.frombuffer(lz4.block.decompress(packed), np.uint8).reshape(shape))
    return Image.frombytes("RGB", picture.get_size(), pygame.image.tostring(picture, "RGB"))
