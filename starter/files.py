"""Files that are whole or absent, wherever the program is stopped."""

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Optional, Union

from starter import Problem


@contextmanager
def replacing(path: Union[str, Path]) -> Iterator[Path]:
    """Provide a temporary path to write to, then rename it to `path`.

    Raises:
        Problem: if it cannot be written; `path` is unchanged then.
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
def writing(path: Union[str, Path]) -> Iterator[None]:
    """Turn the system's error for a file that cannot be written into a `Problem`."""
    try:
        yield
    except OSError as error:
        raise Problem(
            f"cannot write {path}: {error.strerror or error}; "
            "fix that, or choose another folder with --output"
        ) from error


def to_json(content: Any, indent: Optional[int] = 2) -> str:
    """Return `content` as JSON; numpy's numbers and arrays are numbers and lists there."""
    return json.dumps(content, indent=indent, default=lambda value: value.tolist()) + "\n"


def expanded(path: Union[str, Path]) -> Path:
    """Return a path that a user gave, with ~ replaced by the home folder."""
    return Path(os.path.expanduser(path))
