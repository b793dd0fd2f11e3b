"""What the package index offers for what the locks pin."""

import configparser
import re

import requests

from scripts import pip_settings
from scripts.install import requirements
from starter import Problem


def url():
    """The index that pip is told to use, by PIP_INDEX_URL or in its configuration.

    Raises:
        Problem: if a configuration file of pip's cannot be read.
    """
    try:
        settings = pip_settings.settings()
    except configparser.Error as error:
        said = " ".join(str(error).split())
        raise Problem(f"pip's configuration cannot be read: {said}") from None
    return settings.get("index-url", "https://pypi.org/simple").rstrip("/")


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


def locked(lock):
    """What a lock file lets in: `{package: (version, {SHA-256, ...})}`."""
    return {
        package: (re.match(r"[^=]+==([\w.]+)", lines).group(1), set(_HASH.findall(lines)))
        for package, lines in requirements(lock).items()
    }


_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
