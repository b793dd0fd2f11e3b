"""The .in files against the locks, and both against what is imported and installed."""

import ast
import importlib.util
import itertools
import re
import subprocess
import sys
from importlib.metadata import requires, version

import pytest
from helpers import PROJECT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from starter import preflight

LOCKS = ("locks/build", "requirements", "locks/dev")
PLATFORMS = ("locks/linux-aarch64", "locks/darwin-arm64")
LINUX = {"sys_platform": "linux", "platform_machine": "x86_64"}


def text(name):
    return (PROJECT / name).read_text("utf-8")


def asked_for(name):
    """The lines of a .in file that name a package, as `(package, bound)`."""
    lines = [line.split(" #")[0].strip() for line in text(name).splitlines()]
    asked = [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]
    return [
        (one.name, str(one.specifier))
        for one in asked
        if one.marker is None or one.marker.evaluate(LINUX)
    ]


@pytest.mark.parametrize("lock", LOCKS + PLATFORMS)
def test_every_line_is_pinned_with_hashes(lock):
    joined = re.sub(r"(?m)^ *#.*\n", "", text(f"{lock}.txt")).replace("\\\n", " ")
    requirements = [line for line in joined.splitlines() if line.strip()]
    assert len(requirements) == len(preflight.pins(PROJECT / f"{lock}.txt")) > 3
    for requirement in requirements:
        assert re.match(r"[\w.-]+==[\w.]+ +(; .+? )?--hash=sha256:[0-9a-f]{64}", requirement)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_asked_for_is_in_the_lock(lock):
    pinned = preflight.pins(PROJECT / f"{lock}.txt")
    for package, bound in asked_for(f"{lock}.in"):
        assert package in pinned
        if bound.startswith("==") and "*" not in bound:
            assert pinned[package] == bound[2:]


def test_every_line_gives_its_reason():
    """At its end, or in the comment that heads its group."""
    for lock in LOCKS:
        for group in text(f"{lock}.in").split("\n\n"):
            lines = [line for line in group.splitlines() if not line.startswith("-")]
            for line in lines:
                assert line.startswith("#") or "  # " in line or "#" in lines[0], line


# What other platforms need otherwise, and why.
OTHERWISE = {
    "locks/linux-aarch64": {
        "tensorflow-cpu-aws": "holds TensorFlow there",
        "h5py": "see requirements.in",
    },
    "locks/darwin-arm64": {
        "tensorflow-macos": "holds TensorFlow there",
        "tensorflow": "has no file there",
        "tensorflow-io-gcs-filesystem": "tensorflow-macos does not ask for it",
    },
}


@pytest.mark.parametrize("lock", PLATFORMS)
def test_other_platforms_have_the_same_pins(lock):
    here = preflight.pins(PROJECT / "requirements.txt")
    there = preflight.pins(PROJECT / f"{lock}.txt")
    differing = {name for name in {*here, *there} if here.get(name) != there.get(name)}
    assert differing == set(OTHERWISE[lock])
    (tensorflow,) = (there[name] for name in there if re.match("tensorflow(-macos)?$", name))
    assert tensorflow == here["tensorflow"]


def test_no_index_of_anybodys_is_named():
    for lock in LOCKS + PLATFORMS:
        assert not re.search(r"^-|://", text(f"{lock}.txt"), re.M)


def test_the_locks_agree():
    locks = [preflight.pins(PROJECT / f"{lock}.txt") for lock in LOCKS]
    for one, other in itertools.combinations(locks, 2):
        assert {name for name in {*one} & {*other} if one[name] != other[name]} == set()


def test_what_our_code_imports_is_asked_for():
    # By the folder that it is imported from: pillow is imported as PIL.
    files = [PROJECT / "main.py", PROJECT / "scripts" / "verify.py"]
    files += [*PROJECT.glob("starter/**/*.py"), *PROJECT.glob("examples/*.py")]
    imported = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.split(".")[0])
    ours = {
        {"PIL": "pillow"}.get(name, name)
        for name in imported - {"gym_notices"}  # gym's
        if "site-packages" in str(getattr(importlib.util.find_spec(name), "origin", ""))
    }
    assert {"ray", "gymnasium", "numpy", "pygame", "pillow"} <= ours
    assert ours <= {package for package, _ in asked_for("requirements.in")}


def test_what_is_installed_here_is_the_locks_and_nothing_else():
    frozen = subprocess.check_output(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "list", "--format=freeze"],
        text=True,
        stderr=subprocess.DEVNULL,
    )
    installed = {
        re.sub(r"[-_.]+", "-", name).lower(): found
        for name, found in (line.split("==") for line in frozen.split())
    }
    locked = {}
    for lock in LOCKS:
        locked.update(preflight.pins(PROJECT / f"{lock}.txt"))
    assert installed == locked


def test_a_package_moved_by_hand_is_named_with_the_way_to_add_one(monkeypatch):
    monkeypatch.setattr(preflight, "pins", lambda lock: {"gymnasium": "0.1"})
    with pytest.raises(SystemExit) as refused:
        preflight.check()
    said = str(refused.value)
    assert said.startswith(f"error: gymnasium is {version('gymnasium')} here and 0.1 in the lock")
    assert said.count("\n") == 0
    assert said.endswith("add a line to requirements.in, then `make lock` and `make`")


def test_ray_finds_pkg_resources():
    import pkg_resources

    assert int(version("setuptools").split(".")[0]) < 82
    assert pkg_resources.get_distribution("ray").version == version("ray")


@pytest.mark.parametrize("python", ["3.8.18", "3.9.18", "3.10.13"])
def test_the_lock_holds_on_each_python(python):
    """What every package asks for on that Python is in the lock, in a version that suits it."""
    pinned = {}
    for lock in LOCKS:
        pinned.update(preflight.pins(PROJECT / f"{lock}.txt"))
    extras = {"ray": "rllib", "gymnasium": "box2d", "cachecontrol": "filecache"}
    series = python.rsplit(".", 1)[0]
    for name in pinned:
        for line in requires(name) or []:
            requirement = Requirement(line)
            environment = {"python_version": series, "python_full_version": python, **LINUX}
            asked = [
                requirement.marker is None
                or requirement.marker.evaluate({**environment, "extra": extra})
                for extra in ("", extras.get(name, ""))
            ]
            if any(asked):
                needed = canonicalize_name(requirement.name)
                assert needed in pinned, f"{name} needs {line}"
                assert pinned[needed] in requirement.specifier, f"{name} needs {line}"
