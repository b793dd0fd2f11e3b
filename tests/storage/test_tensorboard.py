"""What TensorBoard shows of a run, against the run's CSV file."""

import csv
import json
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from helpers.processes import wait_for

CURVES = {"episode_reward_mean", "episode_len_mean", "epsilon", "loss", "mean_q"}


def ask(address):
    """Return the JSON that a server answers with; None while it does not answer."""
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return json.load(answer)
    except OSError:
        return None


@pytest.fixture()
def scalars(trained):
    """The address of the curves of a TensorBoard that runs as `make tensorboard` runs it."""
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        port = listener.getsockname()[1]
    program = [Path(sys.executable).with_name("tensorboard"), "--host=localhost"]
    flags = [f"--port={port}", f"--logdir={trained[0] / 'tensorboard'}"]
    process = subprocess.Popen([*map(str, program), *flags], stderr=subprocess.DEVNULL)
    yield f"http://localhost:{port}/data/plugin/scalars"
    process.terminate()
    process.wait()


@pytest.mark.slow
def test_every_point_is_the_csvs(scalars, trained):
    (folder,) = trained[0].glob("LunarLander*")
    tags = wait_for(lambda: ask(f"{scalars}/tags"), "the run")
    assert {run: {tag.split("/")[1] for tag in named} for run, named in tags.items()} == {
        folder.name: CURVES  # the run under its own name, and nothing of `latest`
    }
    with (folder / "statistics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    for name in CURVES:
        points = ask(f"{scalars}/scalars?tag=training/{name}&run={folder.name}")
        assert [step for _, step, _ in points] == [4096, 8192]
        for (_, _, value), row in zip(points, rows):
            assert value == pytest.approx(float(row[name]), rel=1e-6)
