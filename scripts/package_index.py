"""What the package index offers for what the locks pin."""

import re
from pathlib import Path

import requests

from scripts import pip_settings
from starter import Problem


def url():
    """The index that pip is told to use, by PIP_INDEX_URL or in its configuration."""
    return pip_settings.settings().get("index-url", "https://pypi.org/simple").rstrip("/")


def redacted(text):
    """`text` without the user names and passwords of the URLs in it."""
    return re.sub(r"://[^/\s]*@", "://****@", text)


def files(package):
    """The files of all versions of a package, as PEP 691 describes them, a dict each.

    Raises:
        Problem: if the index does not answer, or not in JSON.
    """
    page = f"{url()}/{package}/"
    try:
        answer = requests.get(
            page, headers={"Accept": "application/vnd.pypi.simple.v1+json"}, timeout=60
        )
        answer.raise_for_status()
        return answer.json()["files"]
    except (requests.RequestException, ValueError) as error:
        said = " ".join(f"the index has no list of files at {page}: {error}".split())
        raise Problem(redacted(said)) from None


def requirements(lock):
    """Each requirement of a lock file with its hashes: `{package: lines}`."""
    pattern = re.compile(r"^([\w.-]+)==.*\n(?: {4}.*\n)*", re.M)
    found = pattern.finditer(Path(lock).read_text("utf-8"))
    return {match.group(1): match.group(0) for match in found}


def locked(lock):
    """What a lock file lets in: `{package: (version, {SHA-256, ...})}`."""
    return {
        package: (re.match(r"[^=]+==([\w.]+)", lines).group(1), set(_HASH.findall(lines)))
        for package, lines in requirements(lock).items()
    }


_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
