"""scripts/setup.sh, run on small locks: what it installs, and what a failure leaves behind."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from helpers import PROJECT, python_build
from helpers.small import run, start, wheel

BASE = Path(sys.base_prefix, "bin", "python3")
UV = Path(sys.prefix, "bin", "uv")
MANY = {f"many/file{number}.py": "" for number in range(3000)}


class Clone:
    """The real Makefile and set-up scripts, and locks of small packages on an index of its own."""

    def __init__(self, folder):
        self.folder, self.index, self.bin = folder / "clone", folder / "index", folder / "bin"
        self.venv = self.folder / ".venv"
        for name in ("scripts", "locks"):
            (self.folder / name).mkdir(parents=True)
        for name in ("Makefile", ".tool-versions", "scripts/setup.sh", "scripts/uv.sh"):
            shutil.copyfile(str(PROJECT / name), str(self.folder / name))  # as a ZIP: not its mode
        (self.folder / "main.py").write_text("import runner, sys; print(*sys.argv[1:])\n")
        (self.folder / "locks/build.txt").write_text(wheel(self.index, "builder"))
        (self.folder / "locks/dev.txt").write_text(wheel(self.index, "tester"))
        self.lock(wheel(self.index, "runner"))
        for name, target in (("uv", UV), ("python3", BASE)):
            self.program(name, f'exec {target} "$@"')
        self.settings = {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "HOME": str(folder / "home"),
            "UV_CACHE_DIR": str(folder / "cache"),
            "UV_HTTP_RETRIES": "0",
            "PIP_RETRIES": "0",
            "CC": "true",  # nothing is compiled here
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": self.index.as_uri(),
        }

    def lock(self, *lines):
        (self.folder / "requirements.txt").write_text("".join(lines))

    def program(self, name, script):
        self.bin.mkdir(exist_ok=True)
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)
        return self.bin / name

    def start(self, *command, function=start, **variables):
        command = command or ("sh", "scripts/setup.sh", BASE)
        return function(self.folder, command, {**self.settings, **variables})

    def run(self, *command, **variables):
        return self.start(*command, function=run, **variables)

    def has(self, *modules):
        command = [str(self.venv / "bin/python"), "-c", f"import {', '.join(modules)}"]
        return subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0

    def assert_repaired(self):
        """The next set-up makes it whole."""
        done = self.run()
        assert done.returncode == 0, done.stderr
        assert self.has("builder", "runner", "tester")
        again = self.run(PIP_INDEX_URL="file:///nowhere")
        assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


@pytest.fixture()
def clone(tmp_path):
    return Clone(tmp_path)


def refused(done, *words):
    """It ended with one line of ours that has these words."""
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: "), done.stderr
    for word in words:
        assert word in last
    return last


def test_one_command_then_nothing_to_do(clone, tmp_path):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    for module in ("pip", "venv", "zipfile"):
        (foreign / f"{module}.py").write_text("raise SystemExit('foreign')")
    shell = {
        **{"ENV": "production", "SEED": "9", "ITERATIONS": "9", "WORKERS": "9", "ARGS": "--no"},
        **{"PYTHON": "/nowhere", "PYTHONPATH": str(foreign), "PYTHONHOME": "/nowhere"},
        **{"PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "error", "VIRTUAL_ENV": "/nowhere"},
    }
    make = ("make", "SEED=3", f"PYTHON={BASE}")
    first = clone.run(*make, **shell)
    assert first.returncode == 0, first.stderr
    assert first.stdout == "--seed 3\n"
    assert clone.has("builder", "runner", "tester")
    again = clone.run("make", **{**shell, "PIP_INDEX_URL": "file:///nowhere"})
    assert (again.returncode, again.stdout, again.stderr) == (0, "\n", "")
    assert not (tmp_path / "home").exists()
    # The clone's own modules are found from any folder.
    (clone.folder / "scripts/where.py").write_text("import main")
    script = [str(clone.venv / "bin/python"), str(clone.folder / "scripts/where.py")]
    assert subprocess.check_output(script, cwd="/") == b"\n"


def test_a_home_that_cannot_be_written_to(clone):
    clone.settings.update(HOME="/dev/null", UV_CACHE_DIR="")
    clone.assert_repaired()


def test_what_was_removed_or_added_by_hand_is_put_right(clone):
    assert clone.run().returncode == 0
    made = (clone.venv / "pyvenv.cfg").stat().st_mtime_ns
    clone.run(UV, "pip", "uninstall", "--python", clone.venv, "tester")
    wheel(clone.index, "extra")
    clone.run(UV, "pip", "install", "--python", clone.venv, "-i", clone.index.as_uri(), "extra")
    clone.assert_repaired()
    assert not clone.has("extra")
    assert (clone.venv / "pyvenv.cfg").stat().st_mtime_ns == made  # not anew


def test_a_moved_clone_is_set_up_anew(clone):
    assert clone.run().returncode == 0
    clone.folder = clone.folder.rename(clone.folder.with_name("renamed"))
    clone.venv = clone.folder / ".venv"
    clone.assert_repaired()
    assert str(clone.folder) in (clone.venv / "bin/activate").read_text()


def test_a_link_to_another_clones_environment_is_not_followed(clone, tmp_path):
    other = Clone(tmp_path / "other")
    assert other.run().returncode == 0
    clone.venv.symlink_to(other.venv)
    clone.lock(wheel(clone.index, "runner"), wheel(clone.index, "more"))
    clone.assert_repaired()
    assert clone.has("more") and not other.has("more")
    again = other.run(PIP_INDEX_URL="file:///nowhere")
    assert (again.returncode, again.stderr) == (0, "")


def test_where_pip_looks_for_packages_is_what_uv_is_told(clone, tmp_path):
    configuration = tmp_path / "pip.conf"
    configuration.write_text(
        "[global]\nproxy = http://p:1\nindex-url = http://a\nfind-links =\n  /one\n  /two\n"
        "[install]\nindex-url = http://b\nextra-index-url = http://c http://d\n"
    )
    told = clone.run(
        *("sh", "-c", ". scripts/uv.sh; env"),
        **{"PIP_CONFIG_FILE": str(configuration), "PIP_INDEX_URL": "", "PIP_PROXY": "http://q:2"},
        **{"PIP_CERT": "/pips", "SSL_CERT_FILE": "/uvs"},
    ).stdout.splitlines()
    assert "UV_INDEX=http://b http://c http://d" in told
    assert {"UV_DEFAULT_INDEX=http://b", "UV_FIND_LINKS=/one,/two"} < set(told)
    assert {"ALL_PROXY=http://q:2", "SSL_CERT_FILE=/uvs"} < set(told)


# What fails, and what the next set-up finds.


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_interrupted_while_it_installs(clone, number, status):
    clone.lock(wheel(clone.index, "runner"), wheel(clone.index, "big", files=MANY))
    site = clone.venv / "lib/python{}.{}/site-packages/many".format(*sys.version_info)
    for _ in range(20):  # the files are linked within a moment, which a busy machine may miss
        process = clone.start()
        while process.poll() is None and not site.exists():
            pass
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)  # as a terminal does: to all of them
        assert process.communicate()[1].count("error:") == 0
        if process.returncode and len(list(site.iterdir())) < len(MANY):
            break
        shutil.rmtree(clone.venv)
    assert process.returncode in (status, -number)
    clone.assert_repaired()
    assert len(list(site.glob("*.py"))) == len(MANY)


def test_a_full_disk(clone, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        clone.folder = Path(shutil.move(str(clone.folder), str(disk / "clone")))
        clone.venv = clone.folder / ".venv"
        large = {"large.bin": "0" * 4_000_000}
        clone.lock(wheel(clone.index, "runner"), wheel(clone.index, "big", files=large))
        refused(clone.run(), "run the same command again")
        subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)
        clone.assert_repaired()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_no_network_and_no_password_in_what_it_says(clone):
    done = clone.run(PIP_INDEX_URL="http://joe:secret@127.0.0.1:9/simple")
    refused(done, "run the same command again")
    assert "127.0.0.1:9" in done.stderr
    assert "secret" not in done.stdout + done.stderr
    clone.assert_repaired()


@pytest.mark.parametrize("lock", ["locks/build.txt", "requirements.txt"])
def test_a_package_that_is_not_the_locked_one_is_not_installed(clone, lock):
    path = clone.folder / lock
    right = path.read_text()
    for wrong in (right.split(" ")[0] + "\n", right[:-9] + "00000000\n"):  # no hash, another hash
        path.write_text(wrong)
        done = clone.run()
        refused(done, "run the same command again")
        assert right.split("==")[0] in done.stderr
    path.write_text(right)
    clone.assert_repaired()


@pytest.mark.skipif(not shutil.which("flock"), reason="without flock, nothing takes turns")
def test_two_at_once_take_turns(clone):
    clone.lock(wheel(clone.index, "runner"), wheel(clone.index, "big", files=MANY))
    processes = [clone.start(), clone.start()]
    said = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert sum("Waiting for another set-up" in stdout for stdout, _ in said) == 1
    assert sum("+ runner==1.0" in stderr for _, stderr in said) == 1


def test_what_cannot_work_is_refused_before_anything_is_fetched(clone, tmp_path):
    def refuse(*words, python=BASE, **variables):
        variables["PIP_INDEX_URL"] = "file:///nowhere"
        done = clone.run("sh", "scripts/setup.sh", python, **variables)
        assert refused(done, *words) == done.stderr.strip()  # and says nothing else
        assert not clone.venv.exists()

    refuse("apt install g++", "xcode-select --install", "/no/such/cc", CC="/no/such/cc")
    refuse("PYTHON=/no/such/python is not there", python="/no/such/python")
    refuse("none of Python 3.8 3.9 3.10", python=clone.program("old", "echo 3.7"))
    (tmp_path / "lzma.py").write_text("import _no_lzma")
    partial = clone.program("partial", f'PYTHONPATH={tmp_path} exec {BASE} "$@"')
    refuse("not complete", "_no_lzma", python=partial)
    clone.program("ldd", "echo musl libc")
    refuse("no lock for linux-x86_64-musl")
    clone.program("uname", "echo Linux ppc64le")
    refuse("no lock for linux-ppc64le")
    (clone.bin / "uname").unlink()
    (clone.bin / "ldd").unlink()
    (clone.bin / "uv").unlink()
    clone.program("python3", "exit 1")
    refuse("sudo apt install python3-venv", "uv")


# Where Python and uv come from.


def test_a_version_managers_python_is_found(clone, tmp_path):
    clone.program("python3.8", "echo 'python3.8: command not found' >&2; exit 127")  # its shim
    for variable, place in [
        ("MISE_DATA_DIR", "installs/python/3.8.18/bin"),
        ("ASDF_DATA_DIR", "installs/python/3.8.18/bin"),
        ("PYENV_ROOT", "versions/3.8.18/bin"),
    ]:
        found = tmp_path / variable / place
        found.mkdir(parents=True)
        (found / "python3.8").symlink_to(BASE)
        variables = {variable: str(tmp_path / variable)}
        command = ("sh", "-c", ". scripts/uv.sh; command -v python3.8")
        assert clone.run(*command, **variables).stdout == f"{found}/python3.8\n"
    done = clone.run("sh", "scripts/setup.sh", **variables)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_machine_with_another_python3_only(clone, tmp_path):
    """pip gets uv, and uv gets Python; both stay in the clone."""
    clone.program("python3", f'[ "$1" = -m ] && exec {BASE} "$@"')  # uv calls it otherwise
    for series in ("3.8", "3.9", "3.10"):
        clone.program(f"python{series}", "exit 127")
    (clone.bin / "uv").unlink()
    program = {"uv-1.0.data/scripts/uv": UV.read_bytes()}
    with (clone.folder / "locks/dev.txt").open("a") as lock:
        lock.write(wheel(clone.index, "uv", files=program).replace(" ", " \\\n    "))
        lock.write("    # via -r locks/dev.in\n")
    offline = clone.run("sh", "scripts/setup.sh", PIP_INDEX_URL="http://127.0.0.1:9/simple")
    refused(offline, "pip could not get uv")
    mirror = python_build.mirror(tmp_path / "mirror")
    done = clone.run("sh", "scripts/setup.sh", **mirror)
    assert done.returncode == 0, done.stderr
    assert clone.has("builder", "runner", "tester")
    home = (clone.venv / "pyvenv.cfg").read_text()
    assert f"{clone.folder}/.setup/python/cpython-3.8" in home
    assert not (tmp_path / "home/.local").exists()
