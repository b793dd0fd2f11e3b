"""How this machine's pip reaches an index: what set-up keeps of a person's pip settings.

Where pip finds packages, and how it gets there, is the machine's business. Where it installs, for
whom and within which constraints is this project's, so the rest does not reach its `.venv`.
"""

import configparser
import os
import sys
from pathlib import Path

KEPT = {
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host"),
    *("proxy", "cert", "client-cert", "keyring-provider"),
    *("cache-dir", "no-cache-dir", "timeout", "default-timeout", "retries"),
}


def files():
    """pip's configuration files, as its documentation lists them; the last one counts most."""
    variables, home = os.environ, Path.home()
    named = variables.get("PIP_CONFIG_FILE")
    if named == os.devnull:  # which tells pip to read none at all
        return []
    config = variables.get("XDG_CONFIG_HOME") or home / ".config"
    folders = [
        *(
            Path(path, "pip")
            for path in (variables.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")
        ),
        *("/etc", home / ".pip", Path(config, "pip")),
    ]
    if sys.platform == "darwin":
        own = home / "Library/Application Support/pip"
        own = own if own.is_dir() else home / ".config/pip"
        folders = ["/Library/Application Support/pip", home / ".pip", own]
    return [Path(folder, "pip.conf") for folder in folders] + ([named] if named else [])


def settings():
    """The settings that are kept: `{option: value}`.

    Raises:
        configparser.Error: if a configuration file is not one; it names the file.
    """
    parser = configparser.RawConfigParser()
    for file in files():
        try:
            parser.read(file, encoding="utf-8")
        except UnicodeDecodeError as error:
            raise configparser.Error(f"{file}: {error}") from None
    found = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            found.update((name.replace("_", "-"), value) for name, value in parser.items(section))
    for name, value in os.environ.items():
        if name.startswith("PIP_") and value:  # pip takes an empty one for none
            found[name[len("PIP_") :].lower().replace("_", "-")] = value
    return {name: value for name, value in found.items() if name in KEPT and value}


def environment():
    """The environment variables for a pip that is told the kept settings and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    for name, value in settings().items():
        kept[f"PIP_{name.upper().replace('-', '_')}"] = value
    kept.update(PIP_CONFIG_FILE=os.devnull, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1")
    return kept
