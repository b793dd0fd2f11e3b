"""The terminal: flags in, one clear line for what goes wrong, Ctrl-C twice to quit."""

import os
import signal
import sys

import click
import typer

from starter import Problem


def run(function):
    """Run `function` as this program's command line; its parameters are the flags.

    Exits with 0 when done, 1 after a `Problem`, 2 after a bad flag, and 130 when
    quit by Ctrl-C.
    """
    app = typer.Typer(add_completion=False)
    app.command(context_settings={"help_option_names": ["-h", "--help"]})(function)
    try:
        status = app(standalone_mode=False)
    except Problem as problem:
        status = _complain(str(problem), 1)
    except click.ClickException as problem:
        status = _complain(problem.format_message(), problem.exit_code)
    except (KeyboardInterrupt, click.Abort):
        status = 130
    sys.exit(status)


def changed(*flags):
    """Those of `flags` that were not left at their defaults, such as `-iterations2`."""
    context = click.get_current_context()
    defaults = {parameter.name: parameter.default for parameter in context.command.params}
    values = {flag: context.params[flag] for flag in flags}
    return "".join(f"-{f}{v:g}" for f, v in values.items() if v != defaults[f])


def _complain(message, status):
    print("error:", message, file=sys.stderr)
    return status


class StopOnInterrupt:
    """Inside `with`, the first Ctrl-C only sets `requested`; a second one quits."""

    def __init__(self):
        self.requested = False

    def __enter__(self):
        self._previous = signal.signal(signal.SIGINT, self._request)
        return self

    def _request(self, *_):
        self.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # Not print(): the signal may have come in the middle of another print().
        os.write(2, b"\nCtrl-C: training ends with this iteration; once more quits.\n")

    def __exit__(self, *_):
        signal.signal(signal.SIGINT, self._previous)
