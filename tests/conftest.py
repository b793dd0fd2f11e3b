"""Runs that several tests look at: made once, also with pytest-xdist's several processes."""

import json
import signal
import subprocess

import pytest
from filelock import FileLock
from helpers import run_main

from starter import preflight

preflight.check()  # also keeps what matplotlib and Keras write in .venv
# A shell's background job ignores Ctrl-C, and so would each process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def run_once(request, tmp_path_factory):
    """Return a function that calls another one, for all of pytest's processes together once.

    It takes a name and a function of a folder that returns a finished process, and returns the
    folder and that process.
    """
    base = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):  # one of pytest-xdist's processes
        base = base.parent

    def run(name, function):
        folder, result = base / name, base / f"{name}.json"
        with FileLock(str(base / f"{name}.lock")):
            if not result.exists():
                folder.mkdir()
                done = function(folder)
                result.write_text(json.dumps([done.returncode, done.stdout, done.stderr]))
        done = subprocess.CompletedProcess((), *json.loads(result.read_text()))
        assert done.returncode == 0, done.stderr
        return folder, done

    return run


@pytest.fixture(scope="session")
def trained(run_once):
    """Run the whole script once, with a GIF; return its output folder and its process.

    The user's home folder is `home`, beside the output folder.
    """

    def train(folder):
        (folder / "home").mkdir()
        flags = ["--iterations", 2, "--seed", 3, "--render", "gif", "--episodes", 1]
        return run_main(*flags, "--output", folder / "runs", HOME=folder / "home")

    folder, done = run_once("trained", train)
    return folder / "runs", done
