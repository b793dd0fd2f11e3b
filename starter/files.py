"""Files that are whole or absent, wherever the program is stopped."""

import os
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Union

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
