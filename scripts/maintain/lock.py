"""Compile the locks: `make lock`. Move pins and try them before they count: `make bump`.

    make lock                       after a change in a .in file; moves no other pin
    make bump                       every pin, within the bounds of the .in files
    make bump PACKAGE=pillow        one pin, or several; also one that others ask for
    make bump PACKAGE="ray==2.3.0 gymnasium==0.26.3"    to these versions

The work is done in a copy of the project, and the locks are replaced at the very end.
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

from starter import PROJECT, Problem, console

LINUX = "x86_64-unknown-linux-gnu"
LOCKS = {  # what each is compiled of, and uv's name of its platform
    "locks/build.txt": ("locks/build.in", LINUX),
    "requirements.txt": ("requirements.in", LINUX),
    "locks/dev.txt": ("locks/dev.in", LINUX),
    "locks/linux-aarch64.txt": ("requirements.in", "aarch64-unknown-linux-gnu"),
    "locks/darwin-arm64.txt": ("requirements.in", "aarch64-apple-darwin"),
}
SOURCES = sorted({source for source, _ in LOCKS.values()})
BIN = Path(sys.prefix, "bin")
LOG = PROJECT / ".setup" / "lock.log"


def main(
    packages: List[str] = typer.Argument(None, help="What to bump; the default is everything."),
    bump: bool = typer.Option(False, "--bump", help="Move pins, and try them."),
):
    """Compile requirements.txt and locks/*.txt from the .in files."""
    LOG.parent.mkdir(exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="lock-", dir=str(LOG.parent)) as folder:
            copy = Path(folder, "project")
            unwanted = shutil.ignore_patterns(
                ".git", ".venv", ".setup", "runs", "__pycache__", ".*cache"
            )
            shutil.copytree(str(PROJECT), str(copy), symlinks=True, ignore=unwanted)
            compile_locks(copy, ask_for(" ".join(packages or ()).split(), copy) if bump else [])
            moved = show_what_moves(copy)
            said = try_out(copy) if moved and bump else "done"
            for file in (*LOCKS, *SOURCES):
                os.replace(str(copy / file), str(PROJECT / file))
    except (OSError, Problem) as problem:
        raise Problem(f"{problem}; the locks are unchanged") from None
    except KeyboardInterrupt:
        raise Problem("interrupted; the locks are unchanged") from None
    print(f"{said}; git diff shows what changed, and the next make installs it")


def pins(lock):
    """What a lock pins: `{name: (version, its whole text)}`."""
    text = Path(lock).read_text("utf-8")
    found = re.finditer(r"^([\w.-]+)==([^\s;\\]+).*\n(?:[ \t]+.*\n)*", text, re.M)
    return {pin.group(1): (pin.group(2), pin.group()) for pin in found}


def ask_for(packages, copy):
    """The flags that move `packages`; an exact pin of one in a .in file moves as well."""
    for package in packages:
        name, exact, version = package.partition("==")
        if not any(name in pins(copy / lock) for lock in LOCKS):
            raise Problem(f"no lock has a package {name}; write a name or name==version")
        for path in (copy / source for source in SOURCES if exact):
            pin = rf"(?m)^({re.escape(name)}(?:\[\w+\])?==)[^\s;]+"
            path.write_text(re.sub(pin, rf"\g<1>{version}", path.read_text("utf-8")), "utf-8")
    return [f"--upgrade-package={package}" for package in packages] or ["--upgrade"]


def compile_locks(copy, upgrade):
    """pip-compile where it can, which is for its own platform; uv for the others."""
    uv = [BIN / "uv", "pip", "compile", "--quiet", "--python-version", "3.8"]
    # uv says which requirements exclude each other; pip-compile only names them.
    run("checking requirements.in", [*uv, "--python-platform", LINUX, "requirements.in"], copy)
    native = (platform.system(), platform.machine()) == ("Linux", "x86_64")
    if native:  # in the Python of the locks, whatever Python this is
        run("making a Python 3.8 for pip-compile", [BIN / "uv", "venv", "--python=3.8"], copy)
        tools = ["--python=.venv", "-r", "locks/build.txt", "pip-tools", "-c", "requirements.txt"]
        run("installing pip-compile", [BIN / "uv", "pip", "install", *tools], copy)
    for lock, (source, triple) in LOCKS.items():
        path = copy / lock
        if native and triple == LINUX:
            command = [".venv/bin/pip-compile", *upgrade, source]
        else:
            command = [*uv, "--python-platform", triple, "--generate-hashes", "--strip-extras"]
            command += ["--custom-compile-command", "make lock", "--output-file", lock, source]
            if triple == LINUX:
                command += upgrade
            else:  # uv keeps the pins that it finds in the file
                kept = {**pins(path), **pins(copy / "requirements.txt")}
                path.write_text("".join(text for _, text in kept.values()), "utf-8")
        run(f"compiling {lock}", command, copy)
        unhashed = re.findall(r"(?m)^[^#\s].*[^\\\n]$", path.read_text("utf-8"))
        if unhashed:
            raise Problem(
                f"{source} asks for what can have no hash: {unhashed[0]}; keep its code in this "
                "clone instead, and name its module, or publish it to an index"
            )


def show_what_moves(copy):
    """Print the pins that differ in `copy` as a table; returns its rows."""
    moved = set()
    for lock in LOCKS:
        old, new = pins(PROJECT / lock), pins(copy / lock)
        for name in {*old, *new}:
            (before, was), (after, now) = old.get(name, ("none", "")), new.get(name, ("none", ""))
            if before != after:
                moved.add((name, before, after))
            elif set(re.findall(r"sha256:\w+", was)) - set(re.findall(r"sha256:\w+", now)):
                print(f"warning: {lock}: the index has fewer files of {name} {after} than before")
    shown = Table("package", "from", "to", box=box.SIMPLE_HEAD)
    for row in sorted(moved):
        shown.add_row(*row)
    Console().print(shown if moved else "no pin moves")
    return sorted(moved)


def try_out(copy):
    """Set up the copy with its new locks, test it, and compare its results; returns a verdict."""
    python = copy / ".venv" / "bin" / "python"
    run("installing them for a trial", ["sh", "scripts/setup.sh"], copy)
    tests = ["-m", "pytest", "-q", "-n", "auto", "-m", "not slow and not lesson"]
    run("running the fast tests", [python, *tests], copy)
    print("comparing the results: verify --short ...", flush=True)
    verify = [str(python), "scripts/verify.py", "--short"]
    if subprocess.run(verify, cwd=str(copy), stdin=subprocess.DEVNULL).returncode:
        return "set-up and the fast tests pass, but the results are NOT reproduced (see above)"
    return "set-up and the fast tests pass, and verify --short reproduces the results"


def run(step, command, folder):
    """Run a command in `folder`; what it says goes to a log.

    Raises:
        Problem: if it fails; with the line that says why.
    """
    print(f"{step} ...", flush=True)
    with LOG.open("w", encoding="utf-8") as log:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=str(folder),
            env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    if done.returncode:
        said = LOG.read_text("utf-8", "replace").splitlines() or ["no output"]
        telling = re.compile(" *cause: (Because|Failed)|ERROR|error|FAILED")
        why = [line.strip() for line in said if telling.match(line)] or said
        raise Problem(f"{step} failed: {why[-1]} (its whole output: {LOG})")


if __name__ == "__main__":
    console.run(main)
