"""The pages against the project: what they name must be there, as they say."""

import json
import re

import pytest
from helpers import PROJECT, run_main

from scripts import audit, platforms
from starter import preflight

README = (PROJECT / "README.md").read_text("utf-8")
REFERENCE = (PROJECT / "docs" / "reference.md").read_text("utf-8")
BUMPING = (PROJECT / "docs" / "bumping.md").read_text("utf-8")
SECURITY = (PROJECT / ".github" / "SECURITY.md").read_text("utf-8")
MAKEFILE = (PROJECT / "Makefile").read_text("utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


@pytest.fixture(scope="module")
def help_texts():
    """What `--help` prints of each of the three commands."""
    texts = []
    for script in ("main.py", "scripts.train", "scripts.watch"):
        done = run_main("--help", script=script, COLUMNS="200", TERM="dumb")
        assert done.returncode == 0, done.stderr
        texts.append(done.stdout)
    return texts


def test_the_two_commands_are_first():
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert commands[0].startswith("git clone")
    assert commands[0].endswith("&& make")
    assert "make test" in commands[1]


def test_every_target_named_exists():
    targets = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.M))
    named = set(re.findall(r"`make ([a-z-]+)", README + REFERENCE + BUMPING + SECURITY))
    named |= {
        word for block in blocks("sh") for word in re.findall(r"^make ([a-z-]+)", block, re.M)
    }
    assert named <= targets
    assert {"verify", "test", "lock", "bump"} <= named


def test_every_flag_is_documented_where_it_is_and_nowhere_else(help_texts):
    rows = re.findall(r"^\| `(--[a-z-]+)[^|]*\|([^|]*)\|([^|]*)\|([^|]*)\|", REFERENCE, re.M)
    assert len(rows) == 14
    for column, text in enumerate(help_texts, start=1):
        flags = set(re.findall(r"--[a-z-]+", text)) - {"--help"}
        assert {row[0] for row in rows if row[column].strip() == "x"} == flags


def test_the_help_states_each_default(help_texts):
    for flag, default in [
        ("--iterations", "default: 60"),
        ("--stop-reward", "default: (250 for the lander, or else the environment's threshold)"),
        ("--seed", "default: 0"),
        ("--render", "default: auto"),
        ("--episodes", "default: (3; in a window, until you close it)"),
        ("--output", "default: runs"),
        ("--workers", "default: 0"),
    ]:
        (line,) = [line for line in help_texts[1].splitlines() if flag in line]
        assert default in line


def test_every_file_named_exists():
    for name in re.findall(
        r"`((?:starter|tests|scripts|docs|examples)/[\w./-]*)`", README + REFERENCE
    ):
        assert (PROJECT / name).exists(), name


def test_settings_named_are_the_ones_that_are_set():
    from starter.preflight import FIXED, SETTINGS

    for name in {**SETTINGS, **FIXED}:
        assert f"`{name}" in REFERENCE


def test_every_platform_is_in_the_table_and_says_how_far_it_was_tried():
    rows = re.findall(r"^  \| (.+) \| \[`(.+)`\]\(../\2\) \| (.+) \|$", REFERENCE, re.M)
    assert {lock for _, lock, _ in rows} == set(platforms.PLATFORMS)
    for platform, lock, tried in rows:
        _, pythons = platforms.PLATFORMS[lock]
        assert ("Python 3.9 or 3.10" in platform) == (pythons == ((3, 9), (3, 10)))
        assert tried.startswith("run by us") == (lock == "requirements.txt")


def all_pins():
    return {pin for lock in audit.LOCKS for pin in preflight.pins(lock).items()}


def test_security_md_names_only_what_is_pinned():
    accepted = audit.accepted(SECURITY)
    assert {"CVE-2023-48022", "CVE-2023-6019"} <= accepted["ray"]
    with_ids = {name for name, ids in accepted.items() if ids}
    assert with_ids <= {name for name, _ in all_pins()}


def test_security_md_gives_the_pinned_versions():
    """A reason such as '10.4.0 is the last for Python 3.8' is about the version in the lock."""
    rows = re.findall(r"^\| `([\w.-]+)` .*?([\d.]+\d) is the last for Python 3\.8", SECURITY, re.M)
    assert len(rows) > 10
    assert [row for row in rows if row not in all_pins()] == []


def test_the_three_pins_of_the_tutorial():
    pinned = preflight.pins(PROJECT / "requirements.txt")
    head = " ".join(README.split("```")[0].split())
    for words in (f"RLlib {pinned['ray']}", f"gymnasium {pinned['gymnasium']}"):
        assert words in head
    assert f"TensorFlow {pinned['tensorflow']}" in head


def test_the_number_of_figures_that_are_verified():
    expected = json.loads((PROJECT / "tests" / "expected" / "full.json").read_text("utf-8"))
    for page in (README, REFERENCE):
        assert f"compares {len(expected['figures']):,} figures" in page
