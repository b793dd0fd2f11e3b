"""Pictures gathered for an animated GIF, which is written whole or not at all."""

import zlib
from math import ceil

import pygame
from PIL import Image

from starter.files import replacing

COLORS = 31  # with one for "as in the frame before", 5 bits per pixel
FRAMES_PER_SECOND = 25  # at most: browsers cap GIFs near 50, and half is smooth enough
MOST_FRAMES = 800  # Pillow unpacks all of them, a byte per pixel


class Gif:
    """Gathers pictures for a GIF that plays at the environment's speed and loops.

    Args:
        path: the file that `close` writes.
        frames_per_second: the environment's timesteps in a second.

    Attributes:
        every: it takes one picture in so many timesteps.
        duration: of a picture, in ms; GIFs have hundredths of a second.
    """

    def __init__(self, path, frames_per_second):
        self._path = path
        self.every = max(round(frames_per_second / FRAMES_PER_SECOND), 1)
        self.duration = max(round(100 * self.every / frames_per_second), 2) * 10
        self._size = None
        self._frames = []  # compressed: a thousand of them take a few MB, not 1,000

    def add(self, picture, times=1):
        """Take a `pygame.Surface`, shown for `times` pictures' time. All have the same size."""
        self._size = picture.get_size()
        packed = zlib.compress(pygame.image.tostring(picture, "RGB"), 1)
        self._frames.extend([packed] * times)

    def close(self):
        """Write the file, if there is anything to write.

        Raises:
            Problem: if it cannot be written.
        """
        if not self._frames:
            return
        thinner = ceil(len(self._frames) / MOST_FRAMES)
        frames = self._frames[::thinner]
        # One palette for all, of a few frames below each other. Octrees keep rare colors, such
        # as the engine's sparks.
        sample = frames[:: len(frames) // 16 + 1]
        width, height = self._size
        column = Image.frombytes(
            "RGB", (width, height * len(sample)), b"".join(map(zlib.decompress, sample))
        )
        palette = column.quantize(COLORS, method=Image.Quantize.FASTOCTREE)
        images = (
            Image.frombytes("RGB", self._size, zlib.decompress(frame)).quantize(
                palette=palette, dither=Image.Dither.NONE
            )
            for frame in frames
        )
        with replacing(self._path) as scratch:
            next(images).save(
                scratch,
                "GIF",
                save_all=True,
                append_images=images,
                duration=thinner * self.duration,
                loop=0,
                optimize=True,  # store only the pixels that changed
            )
