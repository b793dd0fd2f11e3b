"""Have uv fetch a Python into .setup/, for a machine that has neither that Python nor uv.

    python3 -m scripts.fetch_python 3.8.18

Any Python from 3.8 on runs this, without pip or venv. It gets uv from where pip would, accepts
only a file whose SHA-256 is in locks/dev.txt, and writes nothing outside the clone.
"""

import configparser
import hashlib
import html
import io
import json
import os
import platform
import re
import ssl
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

from scripts import pip_settings

FOLDER = Path(__file__).resolve().parent.parent / ".setup"
LOCK = "locks/dev.txt"
SYSTEMS = {"Linux": "manylinux", "Darwin": "macosx"}
ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5, */*;q=0.1"


def locked(lock):
    """The version of uv that a lock file pins, and the SHA-256 of its files: `(text, set)`."""
    pin = re.search(r"^uv==([^\s;\\]+)((?:\s*\\?\s*--hash=\S+)+)", Path(lock).read_text(), re.M)
    if not pin:
        sys.exit(f"error: {lock} pins no uv; `git checkout {lock}` restores it")
    return pin.group(1), set(re.findall(r"sha256:(\w+)", pin.group(2)))


def pages(settings):
    """Where pip would look for uv: URLs of index pages and of folders."""
    found = settings.get("find-links", "").split()
    if settings.get("no-index", "").lower() not in ("1", "true", "yes", "on"):
        indexes = [settings.get("index-url", "https://pypi.org/simple")]
        indexes += settings.get("extra-index-url", "").split()
        found += [index.rstrip("/") + "/uv/" for index in indexes]
    return [
        page if "://" in page else Path(page).expanduser().absolute().as_uri() for page in found
    ]


def opener(settings, pages):
    """Opens URLs with the proxy, the certificates and the passwords that pip is told.

    Returns it, and the pages without the passwords that their URLs hold.
    """
    certificates = settings.get("cert") or os.environ.get("REQUESTS_CA_BUNDLE")
    if certificates:
        kind = "capath" if os.path.isdir(certificates) else "cafile"
        context = ssl.create_default_context(**{kind: certificates})
    else:
        context = ssl.create_default_context()
    if settings.get("client-cert"):
        context.load_cert_chain(settings["client-cert"])
    trusted = settings.get("trusted-host", "").split()
    passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
    plain = []
    for page in pages:
        parts = urlsplit(page)
        host = parts.netloc.rpartition("@")[2]
        plain.append(urlunsplit(parts._replace(netloc=host)))
        if parts.username:
            name, password = unquote(parts.username), unquote(parts.password or "")
            server = f"{parts.scheme}://{host}"
            passwords.add_password(None, server, name, password, is_authenticated=True)
        if host in trusted or parts.hostname in trusted:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    proxy = settings.get("proxy")
    made = urllib.request.build_opener(
        urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else None),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPBasicAuthHandler(passwords),
    )
    made.addheaders.append(("Accept", ACCEPT))
    return made, plain


def links(page, get):
    """The URLs of the files that a page or a folder has."""
    folder = Path(unquote(urlsplit(page).path))
    if page.startswith("file:") and folder.is_dir():
        if not (folder / "index.html").exists():
            return [file.as_uri() for file in folder.iterdir()]
        page = (folder / "index.html").as_uri()
    with get(page) as answer:
        text = answer.read().decode("utf-8", "replace")
        if answer.headers.get_content_type().endswith("json"):
            found = [file["url"] for file in json.loads(text)["files"]]
        else:
            found = map(html.unescape, re.findall(r"""href\s*=\s*["']([^"']+)""", text))
        return [urldefrag(urljoin(answer.geturl(), link)).url for link in found]


def wheel(version, hashes, settings):
    """The content of uv's wheel for this platform; exits with one line if no page has it."""
    name = re.compile(
        rf"uv-{re.escape(version)}-py3-none-\S*{SYSTEMS.get(platform.system())}"
        rf"\S*_{platform.machine()}\S*\.whl"
    )
    timeout = float(settings.get("timeout") or settings.get("default-timeout") or 15)
    made, plain = opener(settings, pages(settings))
    problem = "no index has its file for this platform"
    for page in plain:
        try:
            for link in links(page, lambda url: made.open(url, timeout=timeout)):
                if name.fullmatch(unquote(link.rpartition("/")[2])):
                    with made.open(link, timeout=timeout) as file:
                        content = file.read()
                    if hashlib.sha256(content).hexdigest() in hashes:
                        return content
                    problem = f"{link} has another SHA-256 than {LOCK} names"
        except (OSError, ValueError, LookupError) as error:
            problem = f"{page} does not answer: {' '.join(str(error).split())}"
    sys.exit(f"error: could not get uv {version}, which would fetch Python: {problem}")


def unpack(content, version, target):
    """Write the program uv, which a wheel holds, to the file `target`."""
    target.parent.mkdir(exist_ok=True)
    scratch = target.with_suffix(".new")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        scratch.write_bytes(archive.read(f"uv-{version}.data/scripts/uv"))
    scratch.chmod(0o755)
    scratch.replace(target)


def fetch(uv, version, settings):
    """Have uv fetch that version of Python; exits with the line that says why it cannot."""
    variables = {
        **os.environ,
        "UV_PYTHON_INSTALL_DIR": str(FOLDER / "python"),
        "UV_CACHE_DIR": str(FOLDER / "cache"),
    }
    for option, variable in [("proxy", "ALL_PROXY"), ("cert", "SSL_CERT_FILE")]:
        if option in settings:
            variables[variable] = settings[option]
    done = subprocess.run(
        [str(uv), "python", "install", "--no-bin", version],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    log = FOLDER / "python.log"
    log.write_text(done.stdout)
    if done.returncode:
        said = re.sub(r"(?m)^\s*(error|cause): ", "", done.stdout).strip().splitlines() or [""]
        reason = said[0] if len(said) == 1 else f"{said[0]}: {said[-1].strip()}"
        sys.exit(
            f"error: uv could not fetch Python {version}: {reason}; "
            f"all that it said is in {log.parent.name}/{log.name}"
        )


def main(python):
    version, hashes = locked(LOCK)
    uv = FOLDER / f"uv-{version}"
    try:
        settings = pip_settings.settings()
        if not uv.exists():
            unpack(wheel(version, hashes, settings), version, uv)
        fetch(uv, python, settings)
    except (OSError, configparser.Error, zipfile.BadZipFile, KeyError) as error:
        sys.exit(f"error: could not fetch Python {python}: {' '.join(str(error).split())}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main(sys.argv[1])
