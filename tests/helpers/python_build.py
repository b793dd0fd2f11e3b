"""A Python as uv downloads it, made of this one: uv's own downloads are out of reach for tests."""

import hashlib
import json
import sys
import tarfile
from pathlib import Path

NAME = "cpython-3.8.18+20240224-x86_64-unknown-linux-gnu-install_only.tar.gz"
SKIPPED = ("test", "site-packages", "__pycache__", "config-3.8-x86_64-linux-gnu")
RELEASES = "https://github.com/astral-sh/python-build-standalone/releases/download"


def mirror(folder, seen_as=None):
    """Fill `folder` as a mirror with one build; return the variables that make uv use it.

    Args:
        seen_as: the folder's name for uv, if that is another one.
    """
    build = Path(folder, "20240224", NAME)
    build.parent.mkdir(parents=True)
    with tarfile.open(str(build), "w:gz", compresslevel=1) as archive:
        archive.add(
            sys.base_prefix,
            "python",
            filter=lambda file: None if Path(file.name).name in SKIPPED else file,
        )
        pip = "lib/python3.8/site-packages/pip"
        archive.add(str(Path(sys.base_prefix, pip)), f"python/{pip}")
    listed = {
        **{"name": "cpython", "major": 3, "minor": 8, "patch": 18, "prerelease": ""},
        **{"os": "linux", "libc": "gnu", "arch": {"family": "x86_64", "variant": None}},
        **{"url": f"{RELEASES}/20240224/{NAME.replace('+', '%2B')}", "build": "20240224"},
        **{"sha256": hashlib.sha256(build.read_bytes()).hexdigest(), "variant": None},
    }
    Path(folder, "list.json").write_text(json.dumps({"cpython-3.8.18-linux-x86_64-gnu": listed}))
    return {
        "UV_PYTHON_DOWNLOADS_JSON_URL": f"{seen_as or folder}/list.json",
        "UV_PYTHON_INSTALL_MIRROR": f"file://{seen_as or folder}",
    }
