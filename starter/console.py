"""The terminal: flags, one line per error, a progress bar, and Ctrl-C."""

import os
import signal
import sys
import tempfile
import traceback
from typing import Any, Callable, Iterator

import click
import typer
from rich.progress import track

from starter import Problem


def run(function: Callable) -> None:
    """Run `function` as this program's command line; its parameters are the flags.

    Exits with 0 when done, 1 after a `Problem` or another exception, 2 after a bad flag, and 130
    after Ctrl-C. A traceback goes to a file, which the line names.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(context_settings={"help_option_names": ["-h", "--help"]})(function)
    try:
        status = app(standalone_mode=False)
    except Problem as problem:
        status = _complain(f"{problem}{_in_file(problem.traceback)}", 1)
    except click.ClickException as problem:
        status = _complain(problem.format_message(), problem.exit_code)
    except (KeyboardInterrupt, click.Abort):
        status = 130
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        status = _complain(f"{said}{_in_file(traceback.format_exc())}", 1)
    sys.exit(status)


def _complain(message, status):
    print("error:", message, file=sys.stderr)
    return status


def _in_file(text):
    """Write a traceback, if there is one, to a file; return words that name the file."""
    if not text:
        return ""
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="traceback-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
    except OSError:
        return ""
    return f"; traceback: {file.name}"


class Iterations:
    """Count iterations `first` to `last` with a progress bar.

    Inside `with`, the first Ctrl-C only sets `interrupted`: the loop is to end with the iteration
    in which it sees that, which evaluates and saves. A second Ctrl-C quits.
    """

    def __init__(self, first: int, last: int):
        todo = range(first, last + 1)
        self._bar = track(todo, "training", transient=True, disable=not sys.stdout.isatty())
        self.interrupted = False

    def __enter__(self) -> "Iterations":
        self._previous = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __iter__(self) -> Iterator[int]:
        return self._bar

    def _interrupt(self, *_: Any):
        self.interrupted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # Not print(): the signal may have come in the middle of another print().
        os.write(2, b"\nCtrl-C: stopping after this iteration; press it again to quit now.\n")

    def __exit__(self, *_: Any) -> None:
        signal.signal(signal.SIGINT, self._previous)
        self._bar.close()  # left open, its thread may keep the program from exiting
