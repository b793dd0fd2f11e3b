"""What TensorBoard shows of a run, against the run's CSV file."""

import csv
import json
import shutil
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers import environment
from helpers.processes import wait_for

pytestmark = pytest.mark.slow
CURVES = {"episode_reward_mean", "episode_len_mean", "epsilon", "loss", "mean_q"}


def ask(address, **content):
    """Return the JSON that a server answers with; None while it does not answer."""
    data = json.dumps(content).encode() if content else None
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except OSError:
        return None


@contextmanager
def served(program, *flags, **variables):
    """Run a server of this machine's with these flags; provide its address."""
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        port = listener.getsockname()[1]
    process = subprocess.Popen(
        [str(program), f"--port={port}", *flags],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(**variables),
    )
    try:
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def page(trained):
    """The address of a TensorBoard that shows the fixture's run as `make tensorboard` would."""
    program = Path(sys.executable).with_name("tensorboard")
    flags = [f"--logdir={trained[0] / 'tensorboard'}", "--host=localhost"]
    with served(program, *flags) as address:
        wait_for(lambda: ask(f"{address}/data/plugin/scalars/tags"), "the run")
        yield address


def test_every_point_is_the_csvs(page, trained):
    (folder,) = trained[0].glob("LunarLander*")
    tags = ask(f"{page}/data/plugin/scalars/tags")
    assert {run: {tag.split("/")[1] for tag in named} for run, named in tags.items()} == {
        folder.name: CURVES  # the run under its own name, and nothing of `latest`
    }
    with (folder / "statistics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    for name in CURVES:
        query = f"tag=training/{name}&run={folder.name}"
        points = ask(f"{page}/data/plugin/scalars/scalars?{query}")
        assert [step for _, step, _ in points] == [4096, 8192]
        for (_, _, value), row in zip(points, rows):
            assert value == pytest.approx(float(row[name]), rel=1e-6)


def test_the_page_in_a_browser(page, trained, tmp_path):
    """Headless Chromium, driven as WebDriver has it."""
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no Chromium with its chromedriver; Debian's chromium-driver brings both")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    flags += [f"--user-data-dir={tmp_path}/profile", "--window-size=1400,1000"]
    wanted = {"alwaysMatch": {"goog:chromeOptions": {"binary": chromium, "args": flags}}}
    with served(driver, HOME=tmp_path) as root:
        wait_for(lambda: ask(f"{root}/status"), "chromedriver")
        session = f"{root}/session/"
        session += ask(f"{root}/session", capabilities=wanted)["value"]["sessionId"]
        ask(f"{session}/url", url=f"{page}/#timeseries")

        def seen():
            text = "return document.body.innerText"
            words = ask(f"{session}/execute/sync", script=text, args=[])["value"]
            return words if all(name in words for name in CURVES) else None

        words = wait_for(seen, "the curves", 90)
        urllib.request.urlopen(urllib.request.Request(session, method="DELETE"), timeout=30)
    (folder,) = trained[0].glob("LunarLander*")
    assert folder.name in words.replace("\n", "")
