"""The terminal: flags, one line per error, a progress bar, and Ctrl-C."""

import gc
import os
import signal
import sys
from typing import Callable, Iterator

import click
import typer
from rich.progress import track

from starter import Problem, Terminated
from starter.environments.checks import close_all


def run(function: Callable) -> None:
    """Run `function` as this program's command line; its parameters are the flags.

    Exits with 0 when done, 1 after a `Problem`, 2 after a bad flag, 130 after Ctrl-C, 143 after
    SIGTERM. Any other exception ends in Python's own traceback.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(context_settings={"help_option_names": ["-h", "--help"]})(function)
    try:
        sys.exit(app(standalone_mode=False))
    except Problem as problem:
        print("error:", problem, file=sys.stderr)
        sys.exit(1)
    except click.ClickException as problem:
        print("error:", problem.format_message(), file=sys.stderr)
        sys.exit(problem.exit_code)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(128 + signal.SIGINT)
    except Terminated:
        sys.exit(128 + signal.SIGTERM)
    except Exception as error:
        begin = error.__traceback__
        while begin and begin.tb_frame.f_code is not function.__code__:
            begin = begin.tb_next  # leave out what click and typer called in between
        raise error.with_traceback(begin)  # noqa: B904
    finally:
        close_all()
        gc.freeze()  # or Python looks for garbage among a million objects before it ends


def iterations(first: int, last: int) -> Iterator[int]:
    """Count from `first` to `last` with a progress bar; close it at the end.

    The first Ctrl-C ends the count after the iteration in which it comes, which is evaluated and
    saved as any other. A second Ctrl-C quits.
    """
    interrupted = False

    def interrupt(*_):
        nonlocal interrupted
        interrupted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # Not print(): the signal may have come in the middle of another print().
        os.write(2, b"\nCtrl-C: stopping after this iteration; press it again to quit now.\n")

    todo = range(first, last + 1)
    bar = track(todo, "training", transient=True, disable=not sys.stdout.isatty())
    previous = signal.signal(signal.SIGINT, interrupt)
    try:
        for iteration in bar:
            yield iteration
            if interrupted:
                return
    finally:
        signal.signal(signal.SIGINT, previous)
        bar.close()  # left open, its thread may keep the program from exiting
