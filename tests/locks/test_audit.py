"""scripts/audit.py: what counts as checked, as new and as accepted, against a PyPI of our own."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from helpers import PROJECT, assert_refused, copy_project, environment

from scripts import audit
from starter import preflight

ADVISORY = {"id": "GHSA-aaaa-bbbb-cccc", "aliases": ["CVE-2099-1"], "fixed_in": ["9.0"]}
# Python runs this before pip-audit: what it asks of pypi.org, it asks of the server below.
REDIRECT = """
import os, requests
get = requests.Session.get
def redirected(self, url, **options):
    return get(self, url.replace("https://pypi.org", os.environ["PYPI"]), **options)
requests.Session.get = redirected
"""


@pytest.fixture()
def pypi():
    """A PyPI that knows the advisories in `known`, by package, and no package in `absent`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.split("/")[2]
            server.asked.add(tuple(self.path.split("/")[2:4]))
            found = {"vulnerabilities": server.known.get(name, [])}
            body = json.dumps(found).encode()
            self.send_response(404 if name in server.absent else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.known, server.absent, server.asked = {}, set(), set()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture()
def run_audit(tmp_path, pypi):
    project = copy_project(tmp_path / "project")
    (project / ".github" / "SECURITY.md").write_text("| `pillow` | CVE-2099-1 | a reason |\n")
    (tmp_path / "sitecustomize.py").write_text(REDIRECT)

    def run(address=None):
        return subprocess.run(
            [sys.executable, "-m", "scripts.audit"],
            cwd=str(project),
            env=environment(
                PYTHONPATH=str(tmp_path),
                PYPI=address or f"http://127.0.0.1:{pypi.server_address[1]}",
                PIP_CACHE_DIR=str(tmp_path / "cache"),
                HTTP_PROXY=None,
                http_proxy=None,
            ),
            capture_output=True,
            text=True,
        )

    return run


def all_pins():
    return {pin for lock in audit.LOCKS for pin in preflight.pins(lock).items()}


def test_every_pin_is_looked_up(run_audit, pypi):
    done = run_audit()
    assert done.returncode == 0, done.stderr
    assert pypi.asked == all_pins()
    here = preflight.pins(PROJECT / "requirements.txt").items()
    there = preflight.pins(PROJECT / "locks" / "linux-aarch64.txt").items()
    assert set(there) - set(here) and set(there) <= pypi.asked
    assert done.stdout.endswith(f"\n{len(all_pins())} packages checked, 0 new vulnerabilities\n")


def test_a_new_vulnerability_fails_and_an_accepted_one_does_not(run_audit, pypi):
    pypi.known["pillow"] = [ADVISORY]
    done = run_audit()
    assert done.returncode == 0, done.stderr
    assert "CVE-2099-1 GHSA-aaaa-bbbb-cccc, mended in 9.0: accepted" in done.stdout
    pypi.known["ray"] = [ADVISORY]  # accepted for pillow only
    done = run_audit()
    assert_refused(done, "make bump", "SECURITY.md")
    ray = "ray " + preflight.pins(PROJECT / "requirements.txt")["ray"]
    assert f"{ray}: CVE-2099-1 GHSA-aaaa-bbbb-cccc, mended in 9.0: NEW" in done.stdout
    assert "1 new vulnerabilities" in done.stdout


def test_an_accepted_one_that_is_not_listed_any_more_is_named(run_audit, pypi):
    line = "pillow: CVE-2099-1 is accepted in SECURITY.md, and PyPI does not list it"
    assert line in run_audit().stdout.splitlines()
    pypi.known["pillow"] = [ADVISORY]
    assert line not in run_audit().stdout.splitlines()


def test_a_package_that_was_not_looked_up_is_not_called_clean(run_audit, pypi):
    pypi.absent = {"ray"}
    done = run_audit()
    assert_refused(done, "1 of ", "packages could not be looked up", "(ray")
    assert "checked" not in done.stdout


def test_no_network_is_not_called_clean(run_audit):
    done = run_audit("http://127.0.0.1:9")
    assert_refused(done, "nothing was checked")
    assert "checked," not in done.stdout
