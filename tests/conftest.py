"""The run that several tests look at: made once, also with pytest-xdist's several processes."""

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
def trained(request, tmp_path_factory):
    """Run the whole script once, with a GIF; return its output folder and its process.

    The user's home folder is `home`, beside the output folder.
    """
    base = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):  # one of pytest-xdist's processes
        base = base.parent
    folder, result = base / "trained", base / "trained.json"
    with FileLock(str(base / "trained.lock")):
        if not result.exists():
            (folder / "home").mkdir(parents=True, exist_ok=True)
            flags = ["--iterations", 2, "--seed", 3, "--render", "gif", "--episodes", 1]
            done = run_main(*flags, "--output", folder / "runs", HOME=folder / "home")
            assert done.returncode == 0, done.stderr
            result.write_text(json.dumps([done.stdout, done.stderr]))
    return folder / "runs", subprocess.CompletedProcess((), 0, *json.loads(result.read_text()))
