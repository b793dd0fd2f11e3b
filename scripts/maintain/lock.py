"""Compile the locks: `make lock`. Move pins and try them before they count: `make bump`.

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

from tabulate import tabulate
from typer import Argument, Option

from starter import PROJECT, Problem, console, preflight

LINUX = "x86_64-unknown-linux-gnu"
LOCKS = {  # sources, and uv's name of the platform; platforms.sh and setup.sh have theirs, too
    "locks/build.txt": ("locks/build.in", LINUX),
    "requirements.txt": ("requirements.in", LINUX),
    "locks/dev.txt": ("locks/dev.in", LINUX),
    "locks/linux-aarch64.txt": ("requirements.in", "aarch64-unknown-linux-gnu"),
    "locks/darwin-arm64.txt": ("requirements.in", "aarch64-apple-darwin"),
}
SOURCES = sorted({source for source, _ in LOCKS.values()})
BIN = Path(sys.prefix, "bin")


def main(
    packages: List[str] = Argument(None, help="Move only these pins."),
    bump: bool = Option(False, "--bump", help="Move pins, and try them."),
):
    """Compile requirements.txt and locks/*.txt from the .in files."""
    place = PROJECT / ".setup"
    place.mkdir(exist_ok=True)
    unwanted = shutil.ignore_patterns(".git", ".venv", ".setup", "runs", "__pycache__", ".*cache")
    with tempfile.TemporaryDirectory(dir=place) as folder:
        copy = Path(folder, "project")
        shutil.copytree(PROJECT, copy, symlinks=True, ignore=unwanted)
        for lock in LOCKS:
            (copy / lock).touch()  # a new one is empty at first
        compile_locks(copy, ask_for(packages or (), copy) if bump else [])
        moved = show_what_moves(copy)
        said = try_out(copy) if moved and bump else "done"
        for file in (*LOCKS, *SOURCES):
            os.replace(copy / file, PROJECT / file)
    print(f"{said}; git diff shows what changed, and the next make installs it")


def ask_for(packages, copy):
    """Return the flags that move `packages`; change their exact pins in the .in files."""
    for package in packages:
        name, exact, version = package.partition("==")
        if not any(name in preflight.pins(copy / lock) for lock in LOCKS):
            raise Problem(f"no lock has a package {name}; write a name or name==version")
        for path in (copy / source for source in SOURCES if exact):
            pin = rf"(?m)^({re.escape(name)}(?:\[\w+\])?==)[^\s;]+"
            path.write_text(re.sub(pin, rf"\g<1>{version}", path.read_text("utf-8")), "utf-8")
    return [f"--upgrade-package={package}" for package in packages] or ["--upgrade"]


def compile_locks(copy, upgrade):
    """Run pip-compile where it can compile, which is for its own platform, and uv elsewhere."""
    uv = [BIN / "uv", "pip", "compile", "--quiet", "--python-version=3.8"]
    # uv says which requirements exclude each other; pip-compile only names them.
    check = [*uv, "--python-platform", LINUX, "requirements.in", "--output-file=checked.txt"]
    run("checking requirements.in", check, copy)
    native = (platform.system(), platform.machine()) == ("Linux", "x86_64")
    # In the Python of the locks, whatever Python this is.
    pip_compile = [BIN / "uv", "tool", "run", "--quiet", "--python=3.8", "--from=pip-tools"]
    pip_compile += ["--constraints=requirements.txt", "--with-requirements=locks/build.txt"]
    for lock, (source, triple) in LOCKS.items():
        path = copy / lock
        command = [*uv, "--python-platform", triple, "--generate-hashes", "--strip-extras"]
        command += ["--custom-compile-command", "make lock", "--output-file", lock, source]
        if triple != LINUX:  # uv keeps the pins that it finds in the file
            pins = {**parts(path), **parts(copy / "requirements.txt")}
            path.write_text("".join(pins.values()), "utf-8")
        elif native:
            command = [*pip_compile, "pip-compile", *upgrade, source]
        else:
            command += upgrade
        run(f"compiling {lock}", command, copy)
        unhashed = re.findall(r"(?m)^[^#\s].*[^\\\n]$", path.read_text("utf-8"))
        if unhashed:
            raise Problem(f"no hash: {unhashed[0]}; keep its code in this clone instead")


def parts(lock):
    """Return the whole text of each pin in a lock, by name."""
    pin = r"^([\w.-]+)==.*\n(?:[ \t]+.*\n)*"
    return {found[1]: found[0] for found in re.finditer(pin, lock.read_text("utf-8"), re.M)}


def show_what_moves(copy):
    """Print the pins that differ in `copy` as a table; return its rows."""
    moved = set()
    for lock in LOCKS:
        here = PROJECT / lock if (PROJECT / lock).exists() else Path(os.devnull)
        old, new = parts(here), parts(copy / lock)
        before, after = preflight.pins(here), preflight.pins(copy / lock)
        for name in {*old, *new}:
            if before.get(name) != after.get(name):
                moved.add((name, before.get(name, "none"), after.get(name, "none")))
            elif any(digest not in new[name] for digest in re.findall(r"sha256:\w+", old[name])):
                print(f"warning: {lock}: the index has fewer files of {name} than before")
    table = tabulate(sorted(moved), ("package", "from", "to"), disable_numparse=True)
    print(table if moved else "no pin moves")
    return moved


def try_out(copy):
    """Set up the copy with its new locks, test it, and compare its results; return a verdict."""
    python = copy / ".venv" / "bin" / "python"
    run("installing them for a trial", ["sh", "scripts/setup.sh"], copy)
    tests = ["-m", "pytest", "-q", "-n", "auto", "-m", "not slow and not lesson"]
    run("running the fast tests", [python, *tests], copy)
    print("comparing the results: verify --short ...", flush=True)
    if subprocess.run([python, "scripts/verify.py", "--short"], cwd=copy).returncode:
        return "set-up and the fast tests pass, but the results are NOT reproduced (see above)"
    return "set-up and the fast tests pass, and verify --short reproduces the results"


def run(step, command, folder):
    """Run a command in `folder`; raise a Problem if it fails."""
    print(f"{step} ...", flush=True)
    variables = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    if subprocess.run(command, cwd=folder, env=variables).returncode:
        raise Problem(f"{step} failed: its message is above; the locks are unchanged")


if __name__ == "__main__":
    console.run(main)
