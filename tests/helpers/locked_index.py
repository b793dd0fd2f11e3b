"""A package index on this machine that has the files of the lock files and no other."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

from helpers import PROJECT
from scripts import package_index

LOCKS = ("locks/build.txt", "requirements.txt", "locks/dev.txt")


class LockedIndex:
    """Serves PEP 691 at `url`, from `with` on until its end.

    Args:
        relay: hand the files through, for a client that reaches this address alone;
            otherwise the client gets the real index's links, so that its cache serves.
        locked_only: False lets everything through.

    Attributes:
        asked: the packages that a client asked for, in order.
        refused: the paths that a client asked for and that no lock has.
    """

    def __init__(self, relay=False, locked_only=True):
        self.asked, self.refused = [], []
        self._relay, self._locked_only = relay, locked_only
        self._hashes = {}
        for lock in LOCKS:
            for package, (_, hashes) in package_index.locked(PROJECT / lock).items():
                self._hashes.setdefault(package, set()).update(hashes)
        self._sources = {}
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                index._answer(self)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.url = f"{self._address}/simple"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def files(self, package):
        """The locked files of a package, as the real index describes them."""
        found = [
            file
            for file in package_index.files(package)
            if not self._locked_only or file["hashes"].get("sha256") in self._hashes[package]
        ]
        if self._relay:
            for file in found:
                path = f"/files/{file['hashes']['sha256']}/{file['filename']}"
                self._sources[path] = file["url"]
                file["url"] = self._address + path
        return found

    def _answer(self, request):
        kind, name = (request.path.strip("/") + "/").split("/")[:2]
        if kind == "simple" and (name in self._hashes or not self._locked_only):
            self.asked.append(name)
            answer = {"meta": {"api-version": "1.0"}, "name": name, "files": self.files(name)}
            body = json.dumps(answer).encode()
            request.send_response(200)
            request.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)
        elif request.path in self._sources:
            with requests.get(self._sources[request.path], stream=True, timeout=60) as source:
                request.send_response(source.status_code)
                request.send_header("Content-Length", source.headers["Content-Length"])
                request.end_headers()
                for chunk in source.iter_content(1 << 20):
                    request.wfile.write(chunk)
        else:
            self.refused.append(request.path)
            request.send_error(404)
