"""The .in files against the locks, and both against what is imported and installed."""

import re
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from helpers import PROJECT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.maintain.lock import LOCKS, SOURCES
from starter.preflight import pins

HERE = ("locks/build.txt", "requirements.txt", "locks/dev.txt")
LINUX = {"sys_platform": "linux", "platform_machine": "x86_64"}


def versions(*locks):
    return {name: pin for lock in locks for name, pin in pins(PROJECT / lock).items()}


def asked_for(source):
    """What a .in file names for this platform: `{package: bound}`."""
    lines = re.findall(r"(?m)^[^\s#-][^#\n]*", (PROJECT / source).read_text("utf-8"))
    asked = [Requirement(line.strip()) for line in lines]
    return {
        one.name: str(one.specifier)
        for one in asked
        if one.marker is None or one.marker.evaluate(LINUX)
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_is_a_pin_with_hashes_and_names_no_index(lock):
    text = re.sub(r"(?m)^ *#.*\n", "", (PROJECT / lock).read_text("utf-8"))
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line]
    assert len(lines) == len(pins(PROJECT / lock)) > 3
    for line in lines:
        assert re.match(r"[\w.-]+==[\w.]+ +(; .+? )?(--hash=sha256:[0-9a-f]{64}\s*)+$", line)


@pytest.mark.parametrize("source", SOURCES)
def test_every_package_asked_for_is_locked(source):
    locked = versions(source.replace(".in", ".txt"))
    for package, bound in asked_for(source).items():
        assert Requirement(f"x{bound}").specifier.contains(locked[package])


@pytest.mark.parametrize(
    ("lock", "otherwise"),
    [
        ("locks/linux-aarch64.txt", {"tensorflow-cpu-aws", "h5py"}),
        (
            "locks/darwin-arm64.txt",
            {"tensorflow-macos", "tensorflow", "tensorflow-io-gcs-filesystem"},
        ),
    ],
)
def test_other_platforms_have_the_same_pins(lock, otherwise):
    here, there = versions("requirements.txt"), versions(lock)
    assert {name for name in {*here, *there} if here.get(name) != there.get(name)} == otherwise
    assert there.get("tensorflow-macos", there.get("tensorflow")) == here["tensorflow"]


def test_what_is_installed_here_is_the_locks_and_nothing_else():
    if not Path(sys.prefix, "made-in").exists():
        pytest.skip("scripts/setup.sh did not make this environment")
    site = [path for path in sys.path if path.endswith("site-packages")]
    installed = {
        canonicalize_name(d.metadata["Name"]): d.version for d in distributions(path=site)
    }
    assert installed == versions(*HERE)
