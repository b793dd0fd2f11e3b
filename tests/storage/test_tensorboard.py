"""What TensorBoard shows of a run, against the run's CSV file."""

import base64
import csv
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from helpers import environment

CURVES = {"episode_reward_mean", "episode_len_mean", "epsilon", "loss", "mean_q"}


def ask(address, **content):
    """The JSON that a server answers with; None while it does not answer."""
    data = json.dumps(content).encode() if content else None
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except OSError:
        return None


def until(find, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = find()
        if found:
            return found
        time.sleep(0.3)
    raise AssertionError("in vain")


def free_port():
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def page(trained):
    """The address of a TensorBoard that shows the fixture's run as `make tensorboard` would."""
    port = free_port()
    tensorboard = Path(sys.executable).with_name("tensorboard")
    logs = trained[0] / "tensorboard"
    flags = ["--logdir", str(logs), "--host", "localhost", "--port", str(port)]
    process = subprocess.Popen([str(tensorboard), *flags], stderr=subprocess.DEVNULL)
    address = f"http://localhost:{port}"
    try:
        until(lambda: ask(f"{address}/data/plugin/scalars/tags"))
        yield address
    finally:
        process.terminate()
        process.wait()


def test_every_point_is_the_csvs(page, trained):
    (folder,) = trained[0].glob("LunarLander*")
    tags = until(lambda: ask(f"{page}/data/plugin/scalars/tags"))
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


@pytest.fixture()
def browser(tmp_path):
    """The address of a session of headless Chromium, driven as WebDriver has it."""
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no Chromium with its chromedriver; Debian's chromium-driver brings both")
    port = free_port()
    process = subprocess.Popen(
        [driver, f"--port={port}"], stdout=subprocess.DEVNULL, env=environment(HOME=str(tmp_path))
    )
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    flags += [f"--user-data-dir={tmp_path}/profile", "--window-size=1400,1000"]
    options = {"goog:chromeOptions": {"binary": chromium, "args": flags}}
    try:
        root = f"http://localhost:{port}"
        until(lambda: ask(f"{root}/status"))
        made = ask(f"{root}/session", capabilities={"alwaysMatch": options})
        session = f"{root}/session/{made['value']['sessionId']}"
        yield session
        urllib.request.urlopen(urllib.request.Request(session, method="DELETE"), timeout=30)
    finally:
        process.terminate()
        process.wait()


def test_the_page_in_a_browser(page, browser, trained, tmp_path):
    ask(f"{browser}/url", url=f"{page}/#timeseries")

    def seen():
        text = "return document.body.innerText"
        words = ask(f"{browser}/execute/sync", script=text, args=[])["value"]
        return words if all(name in words for name in CURVES) else None

    words = until(seen, 90)
    (folder,) = trained[0].glob("LunarLander*")
    assert folder.name in words.replace("\n", "")
    png = base64.b64decode(ask(f"{browser}/screenshot")["value"])
    (tmp_path / "page.png").write_bytes(png)  # to look at
    assert png.startswith(b"\x89PNG")
