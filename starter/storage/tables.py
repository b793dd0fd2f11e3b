"""The CSV files of a run."""

import csv
from pathlib import Path
from typing import Any, Dict, Iterable, List

from starter.files import replacing


def read(path: Path) -> List[Dict[str, Any]]:
    """Return one dict per row; what looks like a number is one.

    Raises:
        OSError: if the file cannot be read.
    """
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {name: _number(text) for name, text in row.items()} for row in csv.DictReader(file)
        ]


def write(path: Path, heading: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write the file, whole or not at all.

    Raises:
        Problem: if it cannot be written.
    """
    with replacing(path) as scratch, scratch.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([heading, *rows])


def _number(text):
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            pass
    return text
