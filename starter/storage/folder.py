"""The folder of a run, in the folder of all runs."""

import fcntl
import os
import re
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator, Optional, Union

from starter import Problem
from starter.files import replacing, writing

LATEST = "latest"
LONGEST_NAME = 120  # bytes, before the date; most file systems allow 255


@contextmanager
def opened(output: Union[str, Path], name: str, folder: Optional[Path] = None) -> Iterator[Path]:
    """Create `output/name-DATE-TIME`, or use `folder`; remove it afterwards if it is empty.

    Raise a `Problem` if it cannot be created, or another process is using it.
    """
    folder = folder or _new(output, name)
    descriptor = os.open(folder, os.O_RDONLY)  # the lock ends with it, or with the process
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem(f"another process is using {folder}; end that one first") from None
        except OSError:
            pass  # a file system without locks
        yield folder
    finally:
        os.close(descriptor)
        with suppress(OSError):  # it is not empty, or the user has removed it
            folder.rmdir()


def dated(output: Union[str, Path], name: str) -> Path:
    """Return the path `output/name-DATE-TIME`, where nothing is created."""
    name = re.sub(r"[^\w.+=-]+", "-", name)  # an ID may contain / and :
    name = name.encode()[:LONGEST_NAME].decode("utf-8", "ignore")
    return Path(output).expanduser() / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"


def _new(output, name):
    with writing(output):
        while True:
            folder = dated(output, name)
            with suppress(FileExistsError):
                folder.mkdir(parents=True)
                return folder
            time.sleep(0.1)  # another run started in this second


def name_latest(folder: Path) -> None:
    """Make the link `latest` point to a run's folder. No program reads it, so it may fail."""
    with suppress(Problem), replacing(folder.with_name(LATEST)) as scratch:
        scratch.symlink_to(folder.name, target_is_directory=True)
