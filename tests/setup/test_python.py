"""Which Python set-up takes, and how it gets one."""

import hashlib
import http.server
import json
import platform
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from helpers import PROJECT, assert_refused, python_build

from scripts import fetch_python

TOOLS = ("sh", "awk", "cat", "cksum", "sed", "tr", "uname")
FETCHED = ".setup/python/cpython-3.8.18-linux-x86_64-gnu/bin"


def executable(path, script):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


class Machine:
    """A clone, and a PATH with the few tools that the script needs and no Python."""

    def __init__(self, folder):
        self.clone, self.bin = folder / "clone", folder / "bin"
        self.bin.mkdir()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        self.clone.mkdir()
        for name in ("scripts", "locks"):
            shutil.copytree(str(PROJECT / name), str(self.clone / name))
        for name in (".tool-versions", "requirements.txt"):
            shutil.copy(str(PROJECT / name), str(self.clone / name))

    def python(self, name, version):
        """Something that runs, and answers for a Python of that version."""
        return str(executable(self.bin / name, f"echo {version}"))

    def manager(self, name, where, fetch, script=""):
        """A version manager that has no Python before `fetch`."""
        home = self.bin.parent / name
        answer = home / "bin/python" if name == "uv" else home
        executable(
            self.bin / name,
            f"""case "$*" in
                "{where} 3.8.18" | "{where}@3.8.18") [ -d "{home}" ] && echo "{answer}" ;;
                "{fetch} 3.8.18" | "{fetch}@3.8.18") echo "{name}" >> "{home}.calls"
                    /bin/mkdir -p "{home}/bin" && echo "echo 3.8" > "{home}/bin/python"
                    /bin/chmod +x "{home}/bin/python"
                    echo downloading ;;
                *) exit 1 ;;
            esac""",
        )
        return f"{home}/bin/python"

    def which(self, **variables):
        env = {"PATH": str(self.bin), "HOME": str(self.bin.parent / "home"), **variables}
        return subprocess.run(
            ["scripts/setup.sh", "which"],
            cwd=str(self.clone),
            env=env,
            capture_output=True,
            text=True,
            restore_signals=False,  # a broken pipe's is ignored, as under some CI runners
        )


@pytest.fixture()
def machine(tmp_path):
    return Machine(tmp_path)


MANAGERS = {  # in the order in which they are asked to fetch
    "uv": ("python find --no-project --no-python-downloads", "python install"),
    "mise": ("where python", "install --yes python"),
    "pyenv": ("prefix", "install --skip-existing"),
    "asdf": ("where python", "install python"),
}


def test_the_order_in_which_python_is_looked_for(machine):
    def found(**variables):
        done = machine.which(**variables)
        assert done.stderr == ""
        return done.stdout.strip()

    # From the last resort to the first choice: each one added is the one taken.
    executable(machine.bin / "python3.8", "echo 'python3.8: command not found' >&2; exit 127")
    for version in ("3.10", "3.9", "3.8"):
        expected = machine.python(f"python{version}", version)
        assert found() == expected
    for name in ("uv", "pyenv", "mise", "asdf"):
        expected = machine.manager(name, *MANAGERS[name])
        Path(expected).parent.mkdir(parents=True)
        executable(Path(expected), "echo 3.8")
        assert found() == expected
    expected = str(executable(machine.clone / FETCHED / "python3", "echo 3.8"))
    assert found() == expected
    own = machine.python("my-python", "3.9")
    assert found(PYTHON="my-python") == own


@pytest.mark.parametrize("name", MANAGERS)
def test_a_version_manager_fetches_python_where_there_is_none(machine, name):
    expected = machine.manager(name, *MANAGERS[name])
    done = machine.which()
    assert (done.returncode, done.stdout) == (0, f"{expected}\n")
    assert f"{name} gets Python 3.8.18" in done.stderr
    again = machine.which()
    assert (again.stdout, again.stderr) == (done.stdout, "")


def test_a_version_manager_that_fails_leaves_it_to_the_next(machine):
    executable(machine.bin / "uv", "exit 1")
    expected = machine.manager("pyenv", *MANAGERS["pyenv"])
    machine.manager("asdf", *MANAGERS["asdf"])
    assert machine.which().stdout == f"{expected}\n"
    assert not (machine.bin.parent / "asdf.calls").exists()


@pytest.mark.parametrize("python", ["/no/such/python", "false", "old-python"])
def test_a_python_given_that_does_not_do(machine, python):
    machine.python("old-python", "3.7")
    machine.python("python3.8", "3.8")
    assert_refused(machine.which(PYTHON=python), f"PYTHON={python} is not a working Python")


def test_apple_silicon_takes_python_3_9(machine):
    (machine.bin / "uname").unlink()
    executable(machine.bin / "uname", '[ "$1" = -s ] && echo Darwin || echo arm64')
    machine.python("python3.8", "3.8")
    expected = machine.python("python3.9", "3.9")
    assert machine.which().stdout == f"{expected}\n"
    assert_refused(machine.which(PYTHON="python3.8"), "is not a working Python 3.9 or 3.10")


# A stock machine: a python3, of a version that does not do, and nothing that could get another.

VERSION, _ = fetch_python.locked(PROJECT / "locks/dev.txt")
WHEEL = f"uv-{VERSION}-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
FAKE_UV = f"""#!/bin/sh
[ "$*" = "python install --no-bin 3.8.18" ] || exit 1
[ -z "$FAILS" ] || {{ printf "error: no Python\\n  cause: it\\n  cause: $FAILS\\n" >&2; exit 2; }}
folder=$UV_PYTHON_INSTALL_DIR/{FETCHED.split("/", 2)[2]}
/bin/mkdir -p "$folder" "$UV_CACHE_DIR" && echo "echo 3.8" > "$folder/python3"
/bin/chmod +x "$folder/python3"
"""


def lock_uv(machine, program):
    """Let the clone pin a uv that consists of this program; returns the folder of its wheel."""
    folder = machine.bin.parent / "wheels"
    folder.mkdir()
    with zipfile.ZipFile(str(folder / WHEEL), "w") as archive:
        archive.writestr(f"uv-{VERSION}.data/scripts/uv", program)
    digest = hashlib.sha256((folder / WHEEL).read_bytes()).hexdigest()
    pin = f"uv=={VERSION} \\\n    --hash=sha256:{digest}\n"
    (machine.clone / "locks/dev.txt").write_text(pin)
    return folder


@pytest.fixture()
def stock(machine):
    base = f"{sys.base_prefix}/bin/python3"
    executable(
        machine.bin / "python3",  # without packages, and it does not do for the environment
        f'case "$2" in *%d.%d*) echo 3.12 ;; *) exec {base} -S "$@" ;; esac',
    )
    return machine


class Index(http.server.BaseHTTPRequestHandler):
    """An index that wants a password, with pages in HTML or JSON."""

    password = "am9lOnNAY3JldA=="  # joe:s@cret, in base 64

    def do_GET(self):
        content, kind = self.server.files.get(self.path, (b"", ""))
        allowed = self.headers.get("Authorization") == f"Basic {self.password}"
        self.send_response(401 if not allowed else 200 if kind else 404)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(content if allowed else b"")

    def log_message(self, *_):
        pass


@pytest.fixture(params=["html", "json"])
def index(request):
    """The settings of a pip that reaches uv's wheel on an index."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        page = f'<a href="../../files/{WHEEL}#sha256=0">{WHEEL}</a>'
        if request.param == "json":
            page = json.dumps({"files": [{"url": f"../../files/{WHEEL}"}]})
        server.files = {"/simple/uv/": (page.encode(), f"text/{request.param}")}
        server.wheel = f"/files/{WHEEL}"
        server.url = f"http://joe:s%40cret@127.0.0.1:{server.server_port}/simple"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_uv_comes_from_an_index_with_a_password(stock, index):
    wheels = lock_uv(stock, FAKE_UV)
    index.files[index.wheel] = (wheels / WHEEL).read_bytes(), "application/octet-stream"
    done = stock.which(PIP_INDEX_URL=index.url)
    assert done.stdout == f"{stock.clone}/{FETCHED}/python3\n", done.stderr
    assert "into .setup/" in done.stderr
    again = stock.which(PIP_NO_INDEX="1")
    assert (again.stdout, again.stderr) == (done.stdout, "")
    assert not (stock.bin.parent / "home").exists()


def test_uv_comes_from_a_folder(stock):
    wheels = lock_uv(stock, FAKE_UV)
    done = stock.which(PIP_NO_INDEX="1", PIP_FIND_LINKS=f"/nowhere {wheels}")
    assert done.stdout == f"{stock.clone}/{FETCHED}/python3\n", done.stderr


def refused(done, *words):
    """One line that says what is done, and one that says why it was not."""
    assert done.returncode == 1
    *_, last = done.stderr.splitlines()
    assert done.stderr.count("\n") <= 2
    assert last.startswith("error: ")
    for word in words:
        assert word in last
    return last


def test_a_file_that_is_not_the_locked_one_is_not_run(stock):
    wheels = lock_uv(stock, FAKE_UV)
    (wheels / WHEEL).write_bytes((wheels / WHEEL).read_bytes() + b"more")
    done = stock.which(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels))
    refused(done, WHEEL, "another SHA-256 than locks/dev.txt")
    assert not list(stock.clone.glob(".setup/uv*"))


def test_no_network(stock):
    index = "http://joe:secret@127.0.0.1:9/simple"
    last = refused(
        stock.which(PIP_INDEX_URL=index), "127.0.0.1:9/simple/uv/", "Connection refused"
    )
    assert "secret" not in last


def test_uv_says_why_it_cannot(stock):
    wheels = lock_uv(stock, FAKE_UV)
    done = stock.which(PIP_FIND_LINKS=str(wheels), PIP_NO_INDEX="1", FAILS="no route to host")
    refused(done, "no Python: no route to host", ".setup/python.log")


def test_no_python3_either(machine):
    for name in ("python3", "python3.8"):
        assert_refused(machine.which(), "no Python 3.8, 3.9 or 3.10 found", "make PYTHON=")
        executable(machine.bin / name, "exit 1")  # a stub, or too old a one


def test_nothing_is_fetched_for_a_platform_without_a_lock(stock):
    executable(stock.bin / "python3", "[ $# = 2 ] && echo linux-ppc64le")
    assert_refused(stock.which(), "there is no lock for linux-ppc64le")


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="its uv is for x86-64")
def test_the_real_uv_fetches_python_from_a_mirror(stock, tmp_path):
    lock_uv(stock, Path(sys.prefix, "bin", "uv").read_bytes())
    mirror = python_build.mirror(tmp_path / "mirror")
    wheels = str(tmp_path / "wheels")
    done = stock.which(PIP_NO_INDEX="1", PIP_FIND_LINKS=wheels, **mirror)
    assert done.stdout == f"{stock.clone}/{FETCHED}/python3\n", done.stderr
    asked = [done.stdout.strip(), "-c", "import ssl, sys; print(sys.version.split()[0])"]
    assert subprocess.check_output(asked, text=True) == "3.8.18\n"
    assert not (stock.bin.parent / "home").exists()  # nothing outside the clone
