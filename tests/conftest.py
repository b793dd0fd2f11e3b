"""One short training that several tests look at."""

import pytest
from helpers import run_main


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Run the whole script once, with a GIF; return its output folder and its process."""
    output = tmp_path_factory.mktemp("trained")
    done = run_main(
        "--iterations", 2, "--seed", 3, "--render", "gif", "--episodes", 2, "--output", output
    )
    assert done.returncode == 0, done.stderr
    return output, done
