"""Files that are whole or absent, wherever the program is stopped."""

import csv
import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterable, Iterator, Optional, Union

from starter import Problem


@contextmanager
def replacing(path: Union[str, Path]) -> Iterator[Path]:
    """Provide a temporary path to write to, then rename it to `path`.

    Raise a `Problem` if it cannot be written; `path` is unchanged then.
    """
    path = Path(path)
    scratch = path.with_name(f".{os.getpid()}-{path.name}")
    with writing(path):
        try:
            yield scratch
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)


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


def write_csv(path: Path, heading: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a CSV file, as `replacing` does."""
    with replacing(path) as scratch, scratch.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([heading, *rows])


def to_json(content: Any, indent: Optional[int] = 2) -> str:
    """Return JSON: NumPy's numbers and arrays are numbers and lists there, a class its name."""
    return json.dumps(content, indent=indent, default=_plain) + "\n"


def _plain(value):
    if hasattr(value, "tolist"):  # NumPy's
        return value.tolist()
    return getattr(value, "__qualname__", str(value))
