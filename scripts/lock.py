"""Compile the locks: `make lock`. Move pins and try them before they count: `make bump`.

    make lock                       after a change in a .in file; moves no other pin
    make bump                       every pin, within the bounds of the .in files
    make bump PACKAGE=pillow        one pin, or several; also one that others ask for
    make bump PACKAGE="ray==2.3.0 gymnasium==0.26.3"    to these versions

Both work in a copy of the project and move the files into place at the very end, so a failure,
Ctrl-C or a full disk leaves them as they were.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from scripts import package_index
from scripts.install import requirements
from starter import PROJECT, Problem, console, preflight

LOCKS = ("locks/build", "requirements", "locks/dev")  # pip-compile's; each bounds the next
PLATFORMS = {  # uv's: the lock, and uv's name of the platform
    "locks/linux-aarch64": "aarch64-unknown-linux-gnu",
    "locks/darwin-arm64": "aarch64-apple-darwin",
}
TXT = [f"{lock}.txt" for lock in (*LOCKS, *PLATFORMS)]
FILES = [*TXT, *(f"{lock}.in" for lock in LOCKS)]
LOG = Path(sys.prefix, "lock.log")


def main(
    packages: List[str] = typer.Argument(None, help="What to bump; the default is everything."),
    bump: bool = typer.Option(False, "--bump", help="Move pins, and try them."),
):
    """Compile requirements.txt and locks/*.txt from the .in files."""
    here = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    if not here.startswith("Linux x86_64, Python 3.8."):
        raise Problem(f"requirements.txt is compiled on Linux x86_64, Python 3.8; this is {here}")
    try:
        with tempfile.TemporaryDirectory(prefix="lock-", dir=sys.prefix) as folder:
            copy = Path(folder, "project")
            unwanted = shutil.ignore_patterns(
                ".git", ".venv", ".setup", "runs", "__pycache__", ".*cache"
            )
            shutil.copytree(str(PROJECT), str(copy), symlinks=True, ignore=unwanted)
            compile_locks(copy, ask_for(" ".join(packages or ()).split(), copy) if bump else [])
            moved = show_what_moves(copy)
            if moved and bump:
                install_and_test(copy)
            for file in FILES:
                shutil.move(str(copy / file), str(PROJECT / file))
    except OSError as error:
        raise Problem(f"{error}; the locks are unchanged") from error
    except Problem as problem:
        raise Problem(f"{problem}; the locks are unchanged") from None
    except KeyboardInterrupt:
        raise Problem("interrupted; the locks are unchanged") from None
    print("done; git diff shows what changed, and the next make installs it")


def ask_for(packages, copy):
    """pip-compile's flags for `packages`; an exact pin of one in a .in file moves as well.

    Raises:
        Problem: if what git has is not what is there, or a package is not in any lock.
    """
    status = ["git", "status", "--porcelain", "--", *FILES]
    done = subprocess.run(status, cwd=str(PROJECT), capture_output=True, encoding="utf-8")
    changes = " ".join((done.stdout + done.stderr).split())
    if done.returncode or changes:
        raise Problem(f"make bump starts from committed files, and git says: {changes}")
    for package in packages:
        name, exact, version = package.partition("==")
        if not any(name in preflight.pins(copy / file) for file in TXT):
            raise Problem(f"no lock has a package {name}; write a name or name==version")
        for path in (copy / f"{lock}.in" for lock in LOCKS if exact):
            pin = rf"(?m)^({re.escape(name)}(?:\[\w+\])?==)[^\s;]+"
            path.write_text(re.sub(pin, rf"\g<1>{version}", path.read_text("utf-8")), "utf-8")
    return [f"--upgrade-package={package}" for package in packages] or ["--upgrade"]


def compile_locks(copy, upgrade):
    """pip-compile for this platform, then uv for the others, in the folder `copy`."""
    uv = [Path(sys.prefix, "bin", "uv"), "pip", "compile", "--quiet", "--no-config"]
    uv += ["--python-version", "3.8", "requirements.in"]
    index = {"UV_DEFAULT_INDEX": package_index.url()}
    # uv says in one line which requirements exclude each other; pip-compile names them only.
    run("checking requirements.in", uv, copy, **index)
    for lock in LOCKS:
        pip_compile = Path(sys.prefix, "bin", "pip-compile")
        run(f"compiling {lock}.txt", [pip_compile, *upgrade, f"{lock}.in"], copy)
        unhashed = re.findall(r"(?m)^[^#\s].*[^\\\n]$", (copy / f"{lock}.txt").read_text("utf-8"))
        if unhashed:
            raise Problem(
                f"{lock}.in asks for what can have no hash: {unhashed[0]}; keep its code in this "
                "clone instead, and name its module, or publish it to an index"
            )
    common = requirements(copy / "requirements.txt")
    for lock, triple in PLATFORMS.items():
        # uv keeps the pins that it finds in the file: let them be requirements.txt's.
        path = copy / f"{lock}.txt"
        found = {**requirements(path), **common}
        path.write_text("".join(found.values()), "utf-8")
        flags = ["--generate-hashes", "--strip-extras", "--custom-compile-command", "make lock"]
        flags += ["--python-platform", triple, "--output-file", path.relative_to(copy)]
        run(f"compiling {lock}.txt", [*uv, *flags], copy, **index)


def show_what_moves(copy):
    """Print the pins that differ in `copy` as a table; returns its rows."""
    moved = set()
    for file in TXT:
        old, new = (preflight.pins(folder / file) for folder in (PROJECT, copy))
        names = {name for name, _ in old.items() ^ new.items()}
        moved |= {(name, old.get(name, "none"), new.get(name, "none")) for name in names}
    shown = Table("package", "from", "to", box=box.SIMPLE_HEAD)
    for row in sorted(moved):
        shown.add_row(*row)
    Console().print(shown if moved else "no pin moves")
    return sorted(moved)


def install_and_test(copy):
    """Set up the copy with its new locks, run its fast tests, and compare its results."""
    python = Path(".venv", "bin", "python")
    # The Python that this environment was made of, not this environment's own.
    base = str(Path(sys.base_prefix, "bin", "python3"))
    run("installing them for a trial", ["scripts/setup.sh", "dev"], copy, PYTHON=base)
    # tests/docs compares the pages with the pins of before.
    tests = ["-m", "pytest", "-q", "-m", "not slow", "--ignore=tests/docs"]
    run("running the fast tests", [python, *tests], copy)
    print("comparing the results with make verify ARGS=--short ...", flush=True)
    verify = [str(python), "-m", "scripts.verify", "--short"]
    if subprocess.run(verify, cwd=str(copy), stdin=subprocess.DEVNULL).returncode:
        print("NOT reproduced; if that is meant, run make expected, then make test")


def run(step, command, folder, **variables):
    """Run a command in `folder`, silently.

    Raises:
        Problem: if it fails; with the line that says why. The log then has its whole output.
    """
    print(f"{step} ...", flush=True)
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=str(folder),
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        output.seek(0)
        said = package_index.redacted(output.read())
    if done.returncode:
        LOG.write_text(said, "utf-8")
        raise Problem(f"{step} failed: {last_line(said)} (its whole output: {LOG})")


def last_line(said):
    """The last line that names an error, or else the last line."""
    lines = [" ".join(line.split()) for line in said.splitlines() if line.strip()]
    causes = [line for line in lines if re.match("cause: (Because|Failed)", line)]  # uv's
    errors = [line for line in lines if re.match("ERROR|error|FAILED", line)]
    return (causes or errors or lines or ["no output"])[-1]


if __name__ == "__main__":
    console.run(main)
