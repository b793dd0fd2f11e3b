"""Does the index have a file for every pin, platform and Python? `make platforms`.

It asks the index that pip is told to use, and downloads no package. A pin passes where there is
a file of that version, with a hash that the lock names, that pip would take on that platform
and Python: a wheel, or the source of one of the three packages that `make setup` builds.
"""

from concurrent.futures import ThreadPoolExecutor

from packaging import tags
from packaging.specifiers import SpecifierSet
from packaging.utils import parse_wheel_filename

from scripts import package_index
from starter import PROJECT, Problem, console

SOURCES = {"box2d-py", "gym", "jax"}


def manylinux(machine):
    """What pip of a system with glibc 2.31, that of Debian 11 and Ubuntu 20.04, takes."""
    old = [f"manylinux{name}_{machine}" for name in ("2014", "2010", "1")]
    return [f"manylinux_2_{minor}_{machine}" for minor in range(31, 4, -1)] + old


PYTHONS = ((3, 8), (3, 9), (3, 10))
PLATFORMS = {  # the lock, pip's names of the platform, and the Pythons that setup.sh takes there
    "requirements.txt": (manylinux("x86_64"), PYTHONS),
    "locks/linux-aarch64.txt": (manylinux("aarch64"), PYTHONS),
    "locks/darwin-arm64.txt": (list(tags.mac_platforms((12, 0), "arm64")), PYTHONS[1:]),
}


def suits(file, python, supported):
    """Whether pip of that Python takes a file of the index, on a platform with those tags."""
    required = file.get("requires-python")
    if required and "{}.{}.99".format(*python) not in SpecifierSet(required):
        return False
    if file["filename"].endswith(".whl"):
        return bool(parse_wheel_filename(file["filename"])[3] & supported)
    return file["filename"].endswith((".tar.gz", ".zip"))


def missing(pinned, offered, python, platforms):
    """The packages that no locked file suits, and the number of those that have only a source.

    Args:
        pinned: as `package_index.locked` returns it.
        offered: the files of each package, as `package_index.files` returns them.
        python: (major, minor).
        platforms: the platform tags, such as "manylinux2014_x86_64".
    """
    supported = {
        *tags.cpython_tags(python, platforms=platforms),
        *tags.compatible_tags(python, f"cp{python[0]}{python[1]}", platforms),
    }
    without, sources = [], 0
    for package, (_, hashes) in pinned.items():
        found = [
            file["filename"]
            for file in offered[package]
            if file["hashes"].get("sha256") in hashes and suits(file, python, supported)
        ]
        if not any(name.endswith(".whl") for name in found):
            if found and package in SOURCES:
                sources += 1
            else:
                without.append(package)
    return without, sources


def main():
    """Ask the index for a file for every pin, on every platform and Python."""
    locks = {lock: package_index.locked(PROJECT / lock) for lock in PLATFORMS}
    packages = sorted(set().union(*locks.values()))
    with ThreadPoolExecutor(8) as pool:
        offered = dict(zip(packages, pool.map(package_index.files, packages)))
    bad = 0
    for lock, (platforms, pythons) in PLATFORMS.items():
        for python in pythons:
            without, sources = missing(locks[lock], offered, python, platforms)
            bad += len(without)
            wheels = len(locks[lock]) - len(without) - sources
            verdict = f"no file for {', '.join(without)}" if without else "all there"
            series = ".".join(map(str, python))
            print(
                f"{lock:<25} Python {series:<4}  {wheels:3} wheels, {sources} sources: {verdict}"
            )
    if bad:
        raise Problem("the index has no file for what is named above")


if __name__ == "__main__":
    console.run(main)
