"""scripts/platforms.py: which file of an index suits which platform and Python."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scripts import package_index, platforms
from starter import Problem

GOOD, OTHER = "a" * 64, "b" * 64
LINUX, PYTHONS = platforms.PLATFORMS["requirements.txt"]
MAC, _ = platforms.PLATFORMS["locks/darwin-arm64.txt"]
ARM, _ = platforms.PLATFORMS["locks/linux-aarch64.txt"]


def missing(filename, python=(3, 8), tags=LINUX, package="p", digest=GOOD, requires=None):
    file = {"filename": filename, "hashes": {"sha256": digest}, "requires-python": requires}
    return platforms.missing({package: ("1.0", {GOOD})}, {package: [file]}, python, tags)


@pytest.mark.parametrize(
    ("filename", "tags", "suits"),
    [
        ("p-1.0-py2.py3-none-any.whl", MAC, True),
        ("p-1.0-cp38-cp38-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", LINUX, True),
        ("p-1.0-cp36-abi3-manylinux_2_28_aarch64.whl", ARM, True),
        ("p-1.0-cp38-cp38-macosx_11_0_universal2.whl", MAC, True),
        ("p-1.0-cp39-cp39-manylinux2014_x86_64.whl", LINUX, False),
        ("p-1.0-cp38-cp38-manylinux2014_aarch64.whl", LINUX, False),
        ("p-1.0-cp38-cp38-musllinux_1_1_x86_64.whl", LINUX, False),
        ("p-1.0-cp38-cp38-manylinux_2_35_x86_64.whl", LINUX, False),
        ("p-1.0-cp38-cp38-macosx_13_0_arm64.whl", MAC, False),
        ("p-1.0.tar.gz", LINUX, False),  # nobody said that it can be built
    ],
)
def test_which_file_suits_a_platform(filename, tags, suits):
    assert missing(filename, tags=tags) == ([] if suits else ["p"], 0)


def test_a_file_of_another_hash_or_python_does_not_suit():
    wheel = "p-1.0-py3-none-any.whl"
    assert missing(wheel, digest=OTHER) == (["p"], 0)
    assert missing(wheel, requires=">=3.9") == (["p"], 0)
    assert missing(wheel, (3, 9), requires=">=3.9") == ([], 0)
    assert missing("box2d-py-1.0.tar.gz", package="box2d-py") == ([], 1)  # it is built


def test_every_lock_is_asked_for():
    others = {f"locks/{path.name}" for path in platforms.PROJECT.glob("locks/*-*.txt")}
    assert set(platforms.PLATFORMS) == others | {"requirements.txt"}


def test_a_failing_index_is_named_without_its_password(monkeypatch):
    class Missing(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Missing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("PIP_INDEX_URL", f"http://joe:secret@{host}/simple")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with pytest.raises(Problem, match=rf"http://\*\*\*\*@{host}/simple/p/: 404") as refused:
            package_index.files("p")
        server.shutdown()
    assert "secret" not in str(refused.value) and "joe" not in str(refused.value)


@pytest.mark.parametrize("content", [b"index-url = x\n", b"[global]\nproxy = \xff\n"])
def test_a_broken_pip_configuration_is_named(content, monkeypatch, tmp_path):
    path = tmp_path / "pip.conf"
    path.write_bytes(content)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(path))
    with pytest.raises(Problem) as refused:
        package_index.url()
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
