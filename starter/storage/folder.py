"""The folder of a run, below the folder of all runs."""

import fcntl
import os
import re
import time
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Iterator, Optional, Union

from starter import Problem
from starter.files import expanded, replacing, writing

LATEST = "latest"
LONGEST_NAME = 120  # bytes, before the date; most file systems allow 255


@contextmanager
def opened(output: Union[str, Path], name: str, folder: Optional[Path] = None) -> Iterator[Path]:
    """Create `output/name-DATE-TIME`, or use `folder`; remove it afterwards if it is empty.

    Raises:
        Problem: if it cannot be created, or another process is using it.
    """
    if not folder:
        name = re.sub(r"[^\w.+=-]+", "-", name)  # an ID may hold / and :
        name = name.encode()[:LONGEST_NAME].decode("utf-8", "ignore")
        folder = _new(expanded(output), f"{name}-{time.strftime('%Y%m%d-%H%M%S')}")
    with _locked(folder):
        try:
            yield folder
        finally:
            with suppress(OSError):  # it is not empty, or the user has removed it
                folder.rmdir()


def _new(output, stem):
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
        for number in count(1):  # two runs may start in the same second
            folder = output / (stem if number == 1 else f"{stem}-{number}")
            with suppress(FileExistsError):
                folder.mkdir()
                return folder


@contextmanager
def _locked(folder):
    """Keep other processes out of the folder; the lock ends with this process."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Problem(f"another process is using {folder}; end that one first") from None
    except OSError:
        pass  # a file system without locks
    try:
        yield
    finally:
        os.close(descriptor)


def name_latest(folder: Path) -> None:
    """Make the link `latest`, beside a run's folder, point to it.

    It is for people: no program reads it, so it does not matter where it cannot be made.
    """
    with suppress(Problem), replacing(folder.with_name(LATEST)) as scratch:
        scratch.symlink_to(folder.name, target_is_directory=True)
