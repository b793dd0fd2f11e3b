"""One short training that several tests look at."""

import pytest
from helpers import run_main


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Run the whole script once, with a GIF; return its output folder and its process.

    The user's home folder is `home`, beside the output folder.
    """
    folder = tmp_path_factory.mktemp("trained")
    (folder / "home").mkdir()
    flags = ["--iterations", 2, "--seed", 3, "--render", "gif", "--episodes", 1]
    done = run_main(*flags, "--output", folder / "runs", HOME=folder / "home")
    assert done.returncode == 0, done.stderr
    return folder / "runs", done
