"""What set-up keeps of a person's pip settings, and what it says when pip fails."""

import os
import re

import pytest
from helpers import PROJECT

from scripts import install, pip_settings


@pytest.fixture()
def home(tmp_path, monkeypatch):
    """An empty home, and none of this machine's pip settings."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "xdg"))
    return tmp_path


def configure(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_variable_counts_more_than_the_file_and_that_more_than_everyones(home, monkeypatch):
    configure(home / "xdg/pip/pip.conf", "[global]\nproxy = a\ntimeout = 1\nretries = 1\n")
    configure(home / ".config/pip/pip.conf", "[global]\ntimeout=2\nretries=2\n[install]\ncert=c\n")
    configure(home / "named.conf", "[global]\nindex_url = http://joe:s@host/%\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(home / "named.conf"))
    monkeypatch.setenv("PIP_RETRIES", "3")
    monkeypatch.setenv("PIP_PROXY", "")  # none
    expected = {"proxy": "a", "timeout": "2", "retries": "3", "cert": "c"}
    expected["index-url"] = "http://joe:s@host/%"
    assert {**pip_settings.settings(), **expected} == pip_settings.settings()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert pip_settings.settings() == {"retries": "3"}


@pytest.mark.parametrize(
    "option",
    [
        *("target", "prefix", "root", "user", "constraint", "require-virtualenv", "no-deps"),
        *("only-binary", "no-binary", "dry-run", "editable", "pre", "python", "src", "log"),
    ],
)
def test_what_changes_the_environment_is_not_kept(home, monkeypatch, option):
    configure(home / ".config/pip/pip.conf", f"[global]\n{option} = x\n[install]\n{option} = x\n")
    monkeypatch.setenv(f"PIP_{option.upper().replace('-', '_')}", "x")
    kept = {name for name in pip_settings.environment() if name.startswith("PIP_")}
    own = {"PIP_CONFIG_FILE", "PIP_DISABLE_PIP_VERSION_CHECK", "PIP_NO_INPUT"}
    assert kept - own <= {"PIP_CERT"}
    assert pip_settings.environment()["PIP_CONFIG_FILE"] == os.devnull


HASH = "--hash=sha256:0"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("my-env @ file:///srv/my-env\n    # via -r requirements.in", "line 3 .* my-env"),
        ("-e ./my-env", "line 3 .* -e"),
        (f"runner>=1 \\\n    {HASH}", "line 3 .* runner>=1"),
        ("<<<<<<< HEAD", "line 3 .* <<<<<<<"),
    ],
)
def test_a_lock_that_pip_would_refuse_is_refused_at_once(tmp_path, line, named):
    lock = tmp_path / "lock.txt"
    lock.write_text(f"a==1 \\\n    {HASH}\n{line}\nb==1 {HASH}\n")
    with pytest.raises(SystemExit, match=named):
        install.requirements(lock)


def test_the_locks_are_read_to_the_end():
    for lock in (PROJECT / "locks").glob("*.txt"):
        pins = re.findall(r"^[\w.-]+(?===)", lock.read_text(), re.M)
        assert list(install.requirements(lock)) == pins
    with pytest.raises(SystemExit, match="pins nothing"):
        install.requirements(os.devnull)


RETRYING = """  WARNING: Retrying (Retry(total=0)) after connection broken by \
'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: \
Failed to establish a new connection: [Errno -2] Name or service not known')': /simple/swig/
"""
MISSING = """ERROR: Could not find a version that satisfies swig==4.5.1 (from versions: none)
ERROR: No matching distribution found for swig==4.5.1
"""
BUILD = """  error: subprocess-exited-with-error
  x Building wheel for box2d-py (pyproject.toml) did not run successfully.
  | exit code: 1
  +-> [3 lines of output]
      running build_ext
{}
      [end of output]
  note: This error originates from a subprocess, and is likely not a problem with pip.
  ERROR: Failed building wheel for box2d-py
ERROR: Failed to build installable wheels for some pyproject.toml based projects (box2d-py)
"""
GCC = """      Box2D_wrap.cpp:168:11: fatal error: Python.h: No such file or directory
      error: command '/usr/bin/gcc' failed with exit code 1"""
MISMATCH = """ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you
    runner==1.0 from file:///wheels/runner-1.0-py3-none-any.whl:
        Expected sha256 00
             Got        11
"""
FULL = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (RETRYING + MISSING, "Failed to establish a new connection: [Errno -2] Name or service"),
        (MISSING, "No matching distribution found for swig==4.5.1"),
        (RETRYING + BUILD.format(GCC), "fatal error: Python.h: No such file or directory"),
        (BUILD.format("      error: command 'swig' failed"), "error: command 'swig' failed"),
        (BUILD.format("      Box2D.i: no such file"), "Box2D.i: no such file"),
        (MISMATCH, "FROM THE REQUIREMENTS FILE: runner==1.0 from file:///wheels/runner-1.0"),
        (RETRYING + FULL, "No space left on device"),
        ("/usr/bin/python: No module named pip\n", "No module named pip"),
        ("", "no output"),
    ],
    ids=map(str, range(9)),
)
def test_the_line_that_says_why(said, words):
    assert words in install.reason("Collecting swig==4.5.1\n" + said if said else said)
