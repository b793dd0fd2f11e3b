"""scripts/audit.py: what counts as looked up, and as accepted, against a PyPI of our own."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from helpers import assert_refused, environment

from scripts import audit
from starter import preflight

# Python runs this before pip-audit: what it asks of pypi.org, it asks of the server below.
REDIRECT = """
import os, requests
get = requests.Session.get
def redirected(self, url, **options):
    return get(self, url.replace("https://pypi.org", os.environ["PYPI"]), **options)
requests.Session.get = redirected
"""


@pytest.fixture()
def run_audit(tmp_path):
    """Runs `make audit` against a PyPI with those advisories, which says what it was asked."""
    (tmp_path / "sitecustomize.py").write_text(REDIRECT)

    def run(known=None, absent=()):
        asked = set()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                name, version = self.path.split("/")[2:4]
                asked.add((name, version))
                ids = (known or {}).get(name, [])
                found = [{"id": one, "aliases": [], "fixed_in": ["9.0"]} for one in ids]
                body = json.dumps({"vulnerabilities": found}).encode()
                self.send_response(404 if name in absent else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            address = f"http://127.0.0.1:{server.server_address[1]}"
            changes = {"PYPI": address, "PYTHONPATH": str(tmp_path), "NO_PROXY": "127.0.0.1"}
            command = [sys.executable, "-m", "scripts.audit"]
            env = environment(PIP_CACHE_DIR=str(tmp_path / "cache"), **changes)
            cwd = str(audit.PROJECT)
            done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
            server.shutdown()
        return done, asked

    return run


def test_every_pin_is_looked_up_and_accepted_ids_do_not_fail(run_audit):
    done, asked = run_audit({"ray": ["CVE-2023-48022"]})
    assert done.returncode == 0, done.stderr
    assert asked == {pin for lock in audit.LOCKS for pin in preflight.pins(lock).items()}
    assert len({name for name, _ in asked}) < len(asked)  # two versions of h5py
    assert done.stdout.startswith(f"{len(asked)} packages checked")


def test_a_new_vulnerability_fails(run_audit):
    done, _ = run_audit({"ray": ["CVE-2023-48022", "CVE-2099-1"]})
    assert_refused(done, "Found 1 known vulnerability", "make bump", "SECURITY.md")
    assert "CVE-2099-1" in done.stdout and "CVE-2023-48022" not in done.stdout


def test_a_package_that_was_not_looked_up_is_not_called_clean(run_audit):
    done, _ = run_audit(absent=("ray",))
    assert_refused(done, "ray: Dependency not found on PyPI", "so this audit says nothing")
    assert "checked" not in done.stdout
