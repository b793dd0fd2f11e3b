"""What is run once, and several tests look at, in whichever of pytest-xdist's processes."""

import json
import os
import subprocess

import pytest
from filelock import FileLock
from helpers import PROJECT, run_main


@pytest.fixture(scope="session")
def run_once(tmp_path_factory):
    """Return a function that runs main.py or a script once for all test processes.

    It takes a name and what `run_main` takes, but for --output; it returns the output folder
    and the finished process.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent

    def run(name, *flags, **options):
        folder, result = base / name, base / f"{name}.json"
        with FileLock(str(base / f"{name}.lock")):
            if not result.exists():
                done = run_main(*flags, *(["--output", folder] if flags else []), **options)
                result.write_text(json.dumps([done.returncode, done.stdout, done.stderr]))
        done = subprocess.CompletedProcess(flags, *json.loads(result.read_text()))
        assert done.returncode == 0, done.stderr
        return folder, done

    return run


@pytest.fixture(scope="session")
def trained(run_once):
    """One short run of the whole script, with a GIF; its output folder and its process."""
    flags = ["--iterations", 2, "--seed", 3, "--render", "gif", "--episodes", 2]
    return run_once("trained", *flags)


@pytest.fixture(scope="session")
def same_arithmetic(run_once):
    """Skip the test where this machine's arithmetic is not that of the expected figures."""
    _, done = run_once("arithmetic", script="scripts.arithmetic")
    expected = json.loads((PROJECT / "tests" / "expected" / "short.json").read_text("utf-8"))
    found = json.loads(done.stdout)
    parts = [part for part, value in expected["arithmetic"].items() if found.get(part) != value]
    if parts:
        pytest.skip(f"this machine's arithmetic is not tests/expected's: {', '.join(parts)}")
