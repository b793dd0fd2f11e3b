"""scripts/platforms.py: which file of an index suits which platform and Python."""

import pytest

from scripts import platforms

GOOD, OTHER = "a" * 64, "b" * 64
LINUX, PYTHONS = platforms.PLATFORMS["requirements.txt"]
MAC, _ = platforms.PLATFORMS["locks/darwin-arm64.txt"]
WINDOWS, _ = platforms.PLATFORMS["locks/windows-amd64.txt"]
ARM, _ = platforms.PLATFORMS["locks/linux-aarch64.txt"]


def missing(filename, python=(3, 8), tags=LINUX, package="p", digest=GOOD, requires=None):
    file = {"filename": filename, "hashes": {"sha256": digest}, "requires-python": requires}
    return platforms.missing({package: ("1.0", {GOOD})}, {package: [file]}, python, tags)


@pytest.mark.parametrize(
    ("filename", "tags"),
    [
        ("p-1.0-py3-none-any.whl", LINUX),
        ("p-1.0-py2.py3-none-any.whl", WINDOWS),
        ("p-1.0-cp38-cp38-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", LINUX),
        ("p-1.0-cp36-abi3-manylinux_2_28_aarch64.whl", ARM),
        ("p-1.0-cp38-cp38-macosx_11_0_universal2.whl", MAC),
        ("p-1.0-cp38-cp38-win_amd64.whl", WINDOWS),
    ],
)
def test_a_file_that_suits(filename, tags):
    assert missing(filename, tags=tags) == ([], 0)


@pytest.mark.parametrize(
    ("filename", "tags"),
    [
        ("p-1.0-cp39-cp39-manylinux2014_x86_64.whl", LINUX),
        ("p-1.0-cp38-cp38-manylinux2014_aarch64.whl", LINUX),
        ("p-1.0-cp38-cp38-musllinux_1_1_x86_64.whl", LINUX),
        ("p-1.0-cp38-cp38-manylinux_2_35_x86_64.whl", LINUX),
        ("p-1.0-cp38-cp38-macosx_13_0_arm64.whl", MAC),
        ("p-1.0-cp38-cp38-macosx_10_9_x86_64.whl", MAC),
        ("p-1.0-cp38-cp38-win32.whl", WINDOWS),
        ("p-1.0.tar.gz", LINUX),  # nobody said that it can be built
    ],
)
def test_a_file_that_does_not(filename, tags):
    assert missing(filename, tags=tags) == (["p"], 0)


def test_a_file_of_another_hash_is_not_the_locked_one():
    assert missing("p-1.0-py3-none-any.whl", digest=OTHER) == (["p"], 0)


def test_a_file_that_is_not_for_that_python():
    assert missing("p-1.0-py3-none-any.whl", requires=">=3.9") == (["p"], 0)
    assert missing("p-1.0-py3-none-any.whl", (3, 9), requires=">=3.9") == ([], 0)
    assert missing("p-1.0-py3-none-any.whl", requires=">=3.8.1") == ([], 0)


def test_the_three_that_are_built_count_as_sources():
    assert missing("box2d-py-1.0.tar.gz", package="box2d-py") == ([], 1)
    assert missing("box2d_py-1.0-cp38-cp38-win_amd64.whl", package="box2d-py") == (["box2d-py"], 0)


def test_every_lock_and_python_is_asked_for():
    assert PYTHONS == ((3, 8), (3, 9), (3, 10))
    locks = {str(path) for path in platforms.PROJECT.glob("locks/*.txt")}
    asked = {str(platforms.PROJECT / lock) for lock in platforms.PLATFORMS}
    assert asked == locks | {str(platforms.PROJECT / "requirements.txt")}
