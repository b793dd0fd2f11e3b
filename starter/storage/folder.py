"""The folder of a run under runs/, and the link to the newest."""

import os
import re
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Iterator, Optional, Union

from starter.files import replacing, writing

LATEST = "latest"
LONGEST_NAME = 120  # characters, before the date
RESERVE = ".reserve"
RESERVE_BYTES = 12 * 2**20  # enough for a checkpoint and a GIF


@contextmanager
def opened(output: Union[str, Path], name: str, folder: Optional[Path] = None) -> Iterator[Path]:
    """Create `output/name-DATE-TIME`, or use `folder`; remove it afterwards if it is empty.

    Until `release_reserve` is called, a file of 12 MB keeps room for the last checkpoint: a disk
    that fills up during training does not cost the policy.

    Raises:
        Problem: if the folder cannot be written to, or its disk is full.
    """
    name = re.sub(r"[^\w.+=-]+", "-", name)[:LONGEST_NAME]  # an ID may hold / and :
    folder = folder or _new(Path(output), f"{name}-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        with writing(folder):
            (folder / RESERVE).write_bytes(bytes(RESERVE_BYTES))
        yield folder
    finally:
        release_reserve(folder)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _new(output: Path, stem: str) -> Path:
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
        for number in count(1):  # two runs may start in the same second
            folder = output / (stem if number == 1 else f"{stem}-{number}")
            try:
                folder.mkdir()
                return folder
            except FileExistsError:
                continue


def release_reserve(folder: Path) -> None:
    """Make room for the files that are written last."""
    reserve = folder / RESERVE
    if reserve.exists():
        reserve.unlink()


def name_latest(folder: Path) -> None:
    """Point `latest`, beside the run's folder, to that folder.

    `latest` is a symbolic link, or a file with the folder's name where links are not supported.

    Raises:
        Problem: if it cannot be written; it is unchanged then.
    """
    with replacing(folder.with_name(LATEST)) as scratch:
        try:
            scratch.symlink_to(folder.name, target_is_directory=True)
        except OSError:
            scratch.write_text(folder.name + "\n", "utf-8")


def follow(path: Union[str, Path]) -> Path:
    """Return the folder that a `latest` leads to; any other path as it is."""
    path = Path(path)
    if path.name == LATEST and path.is_file():
        return path.with_name(path.read_text("utf-8").strip())
    return path.parent / os.readlink(path) if path.is_symlink() else path
