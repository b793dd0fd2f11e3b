"""Compile the lock files: `make lock`. Move pins and try them before they count: `make bump`.

    make lock                       after a change in a requirements*.in; moves no other pin
    make bump                       every pin, within the bounds of the requirements*.in
    make bump PACKAGE=pillow        one pin, or several; also one that others ask for
    make bump PACKAGE="ray==2.3.0 gymnasium==0.26.3"    to these versions

All is done in a copy of the project, and the locks are replaced at the very end: whatever fails
before then, the network, the tests or the disk, leaves them as they were. A bump is installed in
an environment of its own and has to pass the fast tests there.
"""

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import List

PROJECT = Path(__file__).resolve().parent.parent

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from scripts import package_index
from starter import Problem, console, preflight

LOCKS = ("locks/build", "requirements", "locks/dev")  # each bounds the next
PLATFORMS = {  # the lock in locks/, and uv's name of the platform
    "linux-aarch64": "aarch64-unknown-linux-gnu",
    "darwin-arm64": "aarch64-apple-darwin",
    "windows-amd64": "x86_64-pc-windows-msvc",
}
# pip-compile downloads every file that a mirror has under another address than PyPI, for every
# platform, to hash it. The index names those hashes too.
PIP_COMPILE = """
from piptools.__main__ import cli
from piptools.repositories.pypi import PyPIRepository
hashed = PyPIRepository._get_file_hash
PyPIRepository._get_file_hash = lambda self, link: (
    f"sha256:{link.hash}" if link.hash_name == "sha256" else hashed(self, link)
)
cli()
"""
FAST_TESTS = ("-q", "-m", "not slow", "--ignore=tests/test_documentation.py")
UNCHANGED = "the locks are as they were"
LOG = Path(sys.prefix, "lock.log")


def main(
    packages: List[str] = typer.Argument(None, help="What to bump; nothing: everything."),
    bump: bool = typer.Option(False, "--bump", help="Move pins, try them, then replace."),
):
    """Compile requirements*.txt and locks/*.txt from requirements*.in."""
    refuse_other_platforms()
    try:
        LOG.write_text("")
        with scratch_copy() as copy:
            changes = compile_and_try(copy, bump, packages)
            replace(copy)
    except OSError as error:
        raise Problem(f"{error.strerror}: {error.filename}; {UNCHANGED}") from error
    except KeyboardInterrupt:
        raise Problem(f"interrupted; {UNCHANGED}") from None
    if changes:
        print("the locks are replaced; the next make installs them")
    elif bump:
        print("nothing moves: the requirements*.in allow nothing newer")


def compile_and_try(copy, bump, packages):
    """Compile the locks of `copy`; gives the pins that moved, as `difference` does."""
    upgrade = []
    if bump:
        packages = [word for argument in packages or () for word in argument.split()]
        for package in packages:
            ask_for(package, copy)
        upgrade = [f"--upgrade-package={package}" for package in packages] or ["--upgrade"]
    before = pins(copy)
    compile_locks(copy, upgrade)
    changes = difference(before, pins(copy))
    if changes:
        Console().print(table(changes))
        if bump:
            install_and_test(copy)
    return changes


def refuse_other_platforms():
    here = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    if not here.startswith("Linux x86_64, Python 3.8."):
        raise Problem(
            f"requirements.txt is for Linux x86_64 and Python 3.8, and this is {here}; "
            "run it there: make clean lock PYTHON=/path/to/python3.8"
        )


@contextmanager
def scratch_copy():
    """A copy of the project on the same disk, removed afterwards."""
    unwanted = shutil.ignore_patterns(".git", ".venv", "runs", "results", "__pycache__", ".*cache")
    with tempfile.TemporaryDirectory(prefix="lock-", dir=sys.prefix) as folder:
        copy = Path(folder, "project")
        shutil.copytree(str(PROJECT), str(copy), ignore=unwanted)
        yield copy


def ask_for(package, copy):
    """Where a requirements*.in bounds `package`, let it name the new version instead.

    Raises:
        Problem: if no lock has that package, or the version is not an exact one.
    """
    match = re.fullmatch(r"([\w.-]+)(?:==([\w.]+))?", package)
    if not match:
        raise Problem(f"PACKAGE={package} is neither a name nor name==version; {UNCHANGED}")
    name, version = match.groups()
    if not any(name in pinned for pinned in pins(copy).values()):
        raise Problem(f"no lock has a package {name}; the names are in requirements.txt")
    if version:
        bounded = re.compile(rf"^({re.escape(name)}(?:\[\w+\])?)[=<>~!][^\s;]*", re.M)
        for lock in LOCKS:
            asked = copy / f"{lock}.in"
            asked.write_text(bounded.sub(rf"\g<1>=={version}", asked.read_text("utf-8")), "utf-8")


def lock_files(folder):
    return [Path(folder, f"{lock}.txt") for lock in LOCKS] + [
        Path(folder, "locks", f"{name}.txt") for name in PLATFORMS
    ]


def pins(folder):
    """What each lock file pins: `{file: {package: version}}`."""
    return {path.name: preflight.pins(path) for path in lock_files(folder) if path.exists()}


def difference(before, after):
    """The pins that moved, as sorted `(package, from, to)`; an empty string is no pin."""
    moved = set()
    for file, old in before.items():
        new = after[file]
        for package in set(old) | set(new):
            if old.get(package) != new.get(package):
                moved.add((package, old.get(package, ""), new.get(package, "")))
    return sorted(moved)


def table(changes):
    shown = Table("package", "from", "to", box=box.SIMPLE_HEAD)
    for package, old, new in changes:
        shown.add_row(package, old or "not there", new or "not there")
    return shown


def compile_locks(copy, upgrade):
    """pip-compile for this platform, then uv for the others, in the folder `copy`."""
    os.environ["CUSTOM_COMPILE_COMMAND"] = "make lock"
    before = package_index.locked(copy / "requirements.txt")
    for lock in LOCKS:
        run(
            f"compiling {lock}.txt",
            [
                *(sys.executable, "-c", PIP_COMPILE, "compile", *upgrade),
                *("--quiet", "--generate-hashes", "--allow-unsafe", "--strip-extras"),
                *("--no-emit-options", "--no-build-isolation"),
                *("--output-file", f"{lock}.txt", f"{lock}.in"),
            ],
            copy,
        )
    common = package_index.requirements(copy / "requirements.txt")
    pinned = package_index.locked(copy / "requirements.txt")
    for name, triple in PLATFORMS.items():
        path = Path("locks", f"{name}.txt")
        # uv keeps what it finds in the file: the main lock's pins, but for those that this
        # platform had others of and that are not to move.
        own = {
            package: lines
            for package, lines in package_index.requirements(copy / path).items()
            if before.get(package) == pinned.get(package)
            and not {"--upgrade", f"--upgrade-package={package}"} & set(upgrade)
        }
        (copy / path).write_text("".join({**common, **own}.values()), "utf-8")
        run(
            f"compiling {path}",
            [
                *(uv(), "pip", "compile", "--quiet", "--no-config"),
                *("--generate-hashes", "--strip-extras", "--python-version", "3.8"),
                *("--python-platform", triple, "--custom-compile-command", "make lock"),
                *("--output-file", path, "requirements.in"),
            ],
            copy,
            UV_DEFAULT_INDEX=package_index.url(),
        )


def uv():
    return Path(sys.prefix, "bin", "uv")


def install_and_test(copy):
    """Set up the copy with its new locks, and run its fast tests."""
    python = Path(".venv", "bin", "python")
    # The Python that this environment was made of, not this environment's own.
    base = str(Path(sys.base_prefix, "bin", "python3"))
    run("installing them for a try", ["scripts/setup.sh", "dev"], copy, PYTHON=base)
    run("running the fast tests", [python, "-m", "pytest", *FAST_TESTS], copy)
    try:
        run("comparing the digits", [python, "-m", "scripts.verify", "--short"], copy)
    except Problem:
        print("The digits are others now. If that is meant: make expected, and make test.")


def run(step, command, folder, **variables):
    """Run a command in `folder`, its output going to the log.

    Raises:
        Problem: if it fails; with the line that most likely says why.
    """
    print(f"{step} ...", flush=True)
    start = LOG.stat().st_size
    with LOG.open("a") as log:
        status = subprocess.run(
            [str(word) for word in command],
            cwd=str(folder),
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        ).returncode
    if status:
        said = LOG.read_bytes()[start:].decode("utf-8", "replace")
        raise Problem(f"{step} failed: {reason(said, folder)}; {UNCHANGED}; all it said: {LOG}")


def reason(said, folder):
    """The line of a command's output that most likely says why it failed."""
    lines = [" ".join(line.split()) for line in said.splitlines() if line.strip()] or ["no word"]
    if "ResolutionImpossible" in said:  # pip names the packages, uv says what they ask for
        asked = [uv(), "pip", "compile", "--no-config", "--no-header", "requirements.in"]
        asked = subprocess.run(
            [str(word) for word in asked],
            cwd=str(folder),
            env={**os.environ, "UV_DEFAULT_INDEX": package_index.url()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        cause = re.search("[Bb]ecause .*", asked.stderr.decode("utf-8", "replace"))
        if cause:
            return cause.group()
    # What pip and pytest say, what uv says, what others may say; not a line of a traceback.
    for words in (r"^(ERROR|FAILED)\b", r"^error\b", r"(?i)error:|failed|no space"):
        for line in reversed(lines):
            if re.search(words, line):
                return line
    return lines[-1]


def replace(copy):
    """Put the copy's locks, and what was asked for, into the project: all of them or none."""
    files = [path.relative_to(copy) for path in lock_files(copy)]
    files += [Path(f"{lock}.in") for lock in LOCKS]
    scratch = {}
    try:
        for file in files:
            target = PROJECT / file
            new = (copy / file).read_bytes()
            if not target.exists() or target.read_bytes() != new:
                target.parent.mkdir(exist_ok=True)
                scratch[target] = target.with_name(f".{target.name}.new")
                scratch[target].write_bytes(new)
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)  # they belong together
        for target, written in scratch.items():
            written.replace(target)
        signal.signal(signal.SIGINT, previous)
    finally:
        for written in scratch.values():
            if written.exists():
                written.unlink()


if __name__ == "__main__":
    console.run(main)
