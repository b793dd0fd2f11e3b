"""A run's folder under runs/, the link to the newest, and files that are whole or absent."""

import os
import re
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from starter import Problem

LATEST = "latest"
RESERVE = ".reserve"
RESERVE_BYTES = 12 * 2**20  # a checkpoint and a GIF take less


@contextmanager
def opened(output, name, folder=None):
    """Give a folder of its own, `output/name-DATE-TIME`, or `folder`; remove it if empty.

    Until `release_reserve` it holds some MB in reserve: a disk that fills up during
    training does not cost what was learned.

    Raises:
        Problem: if it cannot be written to, or its disk is full.
    """
    name = re.sub(r"[^\w.+=-]+", "-", name)  # module:ID, say
    folder = folder or _new(output, f"{name}-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        with writing(folder):
            (folder / RESERVE).write_bytes(bytes(RESERVE_BYTES))
        yield folder
    finally:
        release_reserve(folder)
        if not any(folder.iterdir()):
            folder.rmdir()


def _new(output, stem):
    with writing(output):
        Path(output).mkdir(parents=True, exist_ok=True)
        for number in count(1):  # two runs may begin in the same second
            folder = Path(output, stem if number == 1 else f"{stem}-{number}")
            try:
                folder.mkdir()
                return folder
            except FileExistsError:
                continue


def release_reserve(folder):
    """Make room for what is written last."""
    reserve = Path(folder, RESERVE)
    if reserve.exists():
        reserve.unlink()


def name_latest(folder):
    """Let `latest`, beside the run's folder, lead to it from now on.

    It is a symbolic link, or a file with the folder's name where there are no such links.

    Raises:
        Problem: if it could not be written; it is as it was before then.
    """
    latest = Path(folder).with_name(LATEST)
    with replacing(latest) as scratch:
        try:
            scratch.symlink_to(folder.name, target_is_directory=True)
        except OSError:
            scratch.write_text(folder.name + "\n", "utf-8")


def follow(path):
    """Where `path` leads to, if it is a `latest` without symbolic links; else `path`."""
    path = Path(path)
    if path.name == LATEST and path.is_file():
        return path.with_name(path.read_text("utf-8").strip())
    return path.parent / os.readlink(path) if path.is_symlink() else path


@contextmanager
def replacing(path):
    """Give a temporary path to write to; afterwards it takes the place of `path`.

    Raises:
        Problem: if it could not be written; `path` is as it was before then.
    """
    path = Path(path)
    scratch = path.with_name(f".{os.getpid()}-{path.name}")
    with writing(path):
        try:
            yield scratch
            scratch.replace(path)
        finally:
            if scratch.is_symlink() or scratch.exists():
                scratch.unlink()


@contextmanager
def writing(path):
    """Turn what the system says of a file that cannot be written into a `Problem`."""
    try:
        yield
    except OSError as error:
        raise Problem(
            f"cannot write {path}: {error.strerror or error}; "
            "mend that, or choose another folder with --output"
        ) from error
