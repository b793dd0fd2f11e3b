"""scripts/setup.sh: which Python it finds, and when it works and when it does not.

The real locks take minutes to install, so these tests give the script a project of
its own whose locks name one small wheel each, and no index.
"""

import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
from helpers import PROJECT
from helpers.wheel import wheel

pytestmark = pytest.mark.slow

SYSTEM = "/usr/bin:/bin"
VERSIONS = ("3.7", "3.8", "3.9", "3.10", "3.11")


def executable(path, script):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def fake_python(path, version):
    """Something that runs, and answers for a Python of that version."""
    return executable(path, f"echo {version}")


def setup(*arguments, cwd=PROJECT, path=SYSTEM, **variables):
    return subprocess.run(
        [str(Path(cwd) / "scripts" / "setup.sh"), *arguments],
        cwd=str(cwd),
        env={"PATH": str(path), "HOME": str(cwd), **variables},
        capture_output=True,
        text=True,
        restore_signals=False,  # a broken pipe's is ignored, as under some CI runners
    )


@pytest.fixture()
def bin_only(tmp_path):
    """A PATH with the few tools that the script needs, and no Python but what is put there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("sh", "awk", "cat", "cksum", "sed", "tr", "head", "rm", "uname", "cc", "gcc"):
        if shutil.which(tool):
            (folder / tool).symlink_to(shutil.which(tool))
    return folder


def which(folder, **variables):
    done = setup("which", path=folder, **variables)
    assert done.stderr == ""
    return done.stdout.strip()


def manager(folder, name, call, version):
    """A version manager that knows but one version, and where it keeps that Python."""
    home = folder.parent / name
    python = fake_python(home / "bin" / "python", version.rsplit(".", 1)[0])
    answer = python if name == "uv" else home
    executable(folder / name, f'[ "$*" = "{call}" ] && echo "{answer}"')
    return str(python)


def test_the_order_in_which_python_is_looked_for(bin_only):
    # From the last resort to the first choice: each one added is the one taken.
    expected = str(fake_python(bin_only / "python3.10", "3.10"))
    assert which(bin_only) == expected
    expected = str(fake_python(bin_only / "python3.9", "3.9"))
    assert which(bin_only) == expected
    expected = str(fake_python(bin_only / "python3.8", "3.8"))
    assert which(bin_only) == expected
    uv = "python find --no-project --no-python-downloads 3.8.18"
    for name, call in [
        ("uv", uv),
        ("pyenv", "prefix 3.8.18"),
        ("mise", "where python@3.8.18"),
        ("asdf", "where python 3.8.18"),
    ]:
        expected = manager(bin_only, name, call, "3.8.18")
        assert which(bin_only) == expected
    own = fake_python(bin_only / "my-python", "3.9")
    assert which(bin_only, PYTHON="my-python") == str(own)


def test_a_shim_that_only_prints_an_error_does_not_count(bin_only):
    executable(bin_only / "python3.8", "echo 'pyenv: python3.8: command not found' >&2; exit 127")
    expected = str(fake_python(bin_only / "python3.9", "3.9"))
    assert which(bin_only) == expected


def test_no_python_names_the_ways_to_get_one(bin_only):
    fake_python(bin_only / "python3.8", "2.7")  # runs, but is not what its name says
    done = setup("which", path=bin_only)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "no Python 3.8, 3.9 or 3.10 found" in done.stderr
    assert "uv, mise, pyenv or asdf" in done.stderr
    assert "make PYTHON=" in done.stderr


def fetching_manager(folder, name, where, fetch):
    """A version manager that knows no Python until it is told to fetch 3.8.18."""
    home = folder.parent / name
    answer = home / "bin" / "python" if name == "uv" else home
    return executable(
        folder / name,
        f"""echo "{name} $*" >> "{folder.parent}/calls"
        case "$*" in
            "{where}") [ -d "{home}" ] && echo "{answer}" ;;
            "{fetch}")
                /bin/mkdir -p "{home}/bin" && echo 'echo 3.8' > "{home}/bin/python"
                /bin/chmod +x "{home}/bin/python"
                echo downloading ;;
            *) exit 1 ;;
        esac""",
    )


MANAGERS = {
    "uv": ("python find --no-project --no-python-downloads 3.8.18", "python install 3.8.18"),
    "mise": ("where python@3.8.18", "install --yes python@3.8.18"),
    "pyenv": ("prefix 3.8.18", "install --skip-existing 3.8.18"),
    "asdf": ("where python 3.8.18", "install python 3.8.18"),
}


@pytest.mark.parametrize("name", MANAGERS)
def test_a_version_manager_fetches_python_where_there_is_none(bin_only, name):
    fetching_manager(bin_only, name, *MANAGERS[name])
    done = setup("which", path=bin_only)
    assert done.returncode == 0
    assert done.stdout == f"{bin_only.parent}/{name}/bin/python\n"
    assert f"{name} gets Python 3.8.18" in done.stderr
    (bin_only.parent / "calls").unlink()
    again = setup("which", path=bin_only)
    assert (again.stdout, again.stderr) == (done.stdout, "")
    assert MANAGERS[name][1] not in (bin_only.parent / "calls").read_text()


def test_a_version_manager_that_fails_leaves_it_to_the_next(bin_only):
    executable(bin_only / "uv", "exit 1")
    fetching_manager(bin_only, "pyenv", *MANAGERS["pyenv"])
    fetching_manager(bin_only, "asdf", *MANAGERS["asdf"])
    assert setup("which", path=bin_only).stdout == f"{bin_only.parent}/pyenv/bin/python\n"
    assert "asdf install" not in (bin_only.parent / "calls").read_text()


@pytest.mark.parametrize("python", ["/no/such/python", "false", "old-python"])
def test_a_python_given_that_does_not_do(bin_only, python):
    fake_python(bin_only / "old-python", "3.7")
    fake_python(bin_only / "python3.8", "3.8")
    done = setup("which", path=bin_only, PYTHON=python)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"PYTHON={python} is not a working Python" in done.stderr


def source(folder, build):
    """Make box2d-py as a source package that the code `build` builds; gives its line in a lock.

    In `build`, `site` is the folder of the environment's packages.
    """
    wheel(folder, "box2d_py", "2.3.5")
    built = folder / "box2d_py-2.3.5-py3-none-any.whl"
    backend = f"""import os, shutil, sysconfig, time
from pathlib import Path
def build_wheel(folder, settings=None, metadata=None):
    site = Path(sysconfig.get_paths()["purelib"])
    {build}
    return shutil.copy("{built.name}", folder) and "{built.name}"
"""
    project = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    files = {"backend.py": backend.encode(), "pyproject.toml": project.encode()}
    files[built.name] = built.read_bytes()
    built.unlink()  # it is there as source only
    path = folder / "box2d-py-2.3.5.tar.gz"
    with tarfile.open(str(path), "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"box2d-py-2.3.5/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"box2d-py==2.3.5 \\\n    --hash=sha256:{digest}\n    # via gymnasium\n"


class Small:
    """A project of three small wheels, with the real Makefile and set-up script."""

    def __init__(self, folder):
        self.folder = folder
        shutil.copytree(PROJECT / "scripts", folder / "scripts")
        shutil.copy(PROJECT / "Makefile", folder / "Makefile")
        shutil.copy(PROJECT / ".tool-versions", folder / ".tool-versions")
        (folder / "wheels").mkdir()
        (folder / "locks").mkdir()
        (folder / "locks" / "windows-amd64.txt").write_text("")
        for lock, name in [("-build", "builder"), ("", "runner"), ("-dev", "tester")]:
            (folder / f"requirements{lock}.txt").write_text(wheel(folder / "wheels", name, "1.0"))
        (folder / "main.py").write_text(
            "import sys, runner; print(runner.version, *sys.argv[1:])\n"
        )

    def start(self, *arguments, program="scripts/setup.sh", **variables):
        return subprocess.Popen(
            [program, *arguments],
            cwd=str(self.folder),
            env={
                "PATH": SYSTEM,
                "HOME": str(self.folder / "home"),
                "PYTHON": str(Path(sys.base_prefix, "bin", "python3")),
                "PIP_NO_INDEX": "1",
                "PIP_FIND_LINKS": str(self.folder / "wheels"),
                "PIP_CONFIG_FILE": os.devnull,
                "PIP_CACHE_DIR": str(self.folder / "cache"),
                **variables,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments, **settings):
        process = self.start(*arguments, **settings)
        stdout, stderr = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def make(self, *arguments, **variables):
        return self.run("--silent", *arguments, program="make", **variables)

    def python(self, code):
        return subprocess.run(
            [str(self.folder / ".venv" / "bin" / "python"), "-c", code],
            capture_output=True,
            text=True,
        )


@pytest.fixture()
def small(tmp_path):
    return Small(tmp_path)


def test_set_up_once_then_never_again(small):
    first = small.make()
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1] == "1.0"
    assert small.python("import builder, runner").returncode == 0
    assert small.python("import tester").returncode == 1  # for tests only
    marker = small.folder / ".venv" / "untouched"
    marker.write_text("")
    second = small.make(PIP_FIND_LINKS="/nowhere")
    assert second.stdout == "1.0\n"
    assert second.stderr == ""
    assert marker.exists()
    home = small.folder / "home"
    strays = [path for path in home.rglob("*") if home / ".cache" / "pip" not in path.parents]
    assert strays in ([], [home / ".cache", home / ".cache" / "pip"])


def elsewhere(folder, system, machine, libc="gnu"):
    """This Python, saying of itself that it runs on another platform."""
    return executable(
        folder / "python-elsewhere",
        f"""case "$2" in
            *platform*) echo {system.lower()}-{machine.lower()} ;;
            *HOST_GNU_TYPE*) [ {libc} = musl ] ;;
            *) exec "{sys.base_prefix}/bin/python3" "$@" ;;
        esac""",
    )


def test_each_platform_gets_its_lock(small):
    locks = small.folder / "locks"
    (locks / "linux-aarch64.txt").write_text(wheel(small.folder / "wheels", "runner", "1.5"))
    python = elsewhere(small.folder, "Linux", "aarch64")
    assert small.run("lock", PYTHON=str(python)).stdout == "locks/linux-aarch64.txt\n"
    assert small.run("lock").stdout == "requirements.txt\n"
    assert small.run(PYTHON=str(python)).returncode == 0
    assert small.python("import runner; assert runner.version == '1.5'").returncode == 0


@pytest.mark.parametrize(
    ("system", "machine", "libc", "name"),
    [
        ("Linux", "ppc64le", "gnu", "linux-ppc64le"),
        ("Linux", "x86_64", "musl", "linux-x86_64-musl"),
        ("Darwin", "x86_64", "gnu", "darwin-x86_64"),
    ],
)
def test_a_platform_without_a_lock_is_refused(small, system, machine, libc, name):
    done = small.run(PYTHON=str(elsewhere(small.folder, system, machine, libc)))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"there is no lock for {name}" in done.stderr
    assert not (small.folder / ".venv").exists()


def test_apple_silicon_takes_python_3_9(bin_only):
    (bin_only / "uname").unlink()
    executable(bin_only / "uname", '[ "$1" = -s ] && echo Darwin || echo arm64')
    fake_python(bin_only / "python3.8", "3.8")
    expected = fake_python(bin_only / "python3.9", "3.9")
    assert which(bin_only) == str(expected)
    done = setup("which", path=bin_only, PYTHON="python3.8")
    assert "is not a working Python 3.9 or 3.10" in done.stderr


def test_flags_pass_through_make(small):
    done = small.make("ITERATIONS=2", "SEED=3", "ARGS=--render none --episodes 1")
    expected = "1.0 --iterations 2 --seed 3 --render none --episodes 1"
    assert done.stdout.splitlines()[-1] == expected


def test_an_interrupted_set_up_is_done_again(small):
    lock = small.folder / "requirements.txt"
    good = lock.read_text()
    lock.write_text(good.replace("sha256:", "sha256:0")[: len(good)] + "\n")
    broken = small.run()
    assert broken.returncode == 1
    assert broken.stderr.splitlines()[-1].startswith("error: the installation is not finished")
    again = small.run()
    assert again.returncode == 1
    lock.write_text(good)
    mended = small.run()
    assert mended.returncode == 0, mended.stderr
    assert small.python("import runner").returncode == 0


# box2d-py's build, in the place of half a minute of C++.
MEETS_THE_REST = """for _ in range(1200):
        if (site / "runner.py").exists(): break
        time.sleep(0.1)
    else: raise SystemExit("nothing else is installed meanwhile")"""
FAILS = 'raise SystemExit("Box2D.i: no such file")'
TAKES_LONG = """Path({!r}).write_text(str(os.getpid()))
    time.sleep(600)"""


@pytest.mark.parametrize("variables", [{}, {"PIP_NO_CACHE_DIR": "1"}, {"HOME": "/proc"}])
def test_box2d_is_built_while_the_rest_is_installed(small, variables):
    lock = small.folder / "requirements.txt"
    lock.write_text(source(small.folder / "wheels", MEETS_THE_REST) + lock.read_text())
    done = small.run(**variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert small.python("import box2d_py, runner").returncode == 0


def test_a_build_that_fails_is_said_and_is_not_finished(small):
    lock = small.folder / "requirements.txt"
    lock.write_text(lock.read_text() + source(small.folder / "wheels", FAILS))
    done = small.run()
    assert done.returncode == 1
    assert "Box2D.i: no such file" in done.stderr
    assert done.stderr.count("error: the installation is not finished") == 1
    assert done.stderr.splitlines()[-1].startswith("error: the installation is not finished")
    assert not list((small.folder / ".venv").glob("ready-*"))


def test_a_source_that_is_not_the_locked_file_is_not_built(small):
    lock = small.folder / "requirements.txt"
    locked = source(small.folder / "wheels", "pass")
    source(small.folder / "wheels", "(site / 'stranger.py').write_text('')")
    lock.write_text(lock.read_text() + locked)
    done = small.run()
    assert done.returncode == 1
    assert "HASH" in done.stderr.upper()
    assert small.python("import stranger").returncode == 1


def test_ctrl_c_during_the_build_leaves_nothing_running(small):
    lock = small.folder / "requirements.txt"
    building = small.folder / "building"
    lock.write_text(
        lock.read_text() + source(small.folder / "wheels", TAKES_LONG.format(str(building)))
    )
    process = small.start()
    while not building.exists() or not building.read_text():
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    process.communicate(timeout=60)
    assert process.returncode != 0
    state = ["ps", "-o", "stat=", "-p", building.read_text()]
    assert subprocess.run(state, stdout=subprocess.PIPE).stdout[:1] in (b"", b"Z")  # Z: it ended
    assert not list((small.folder / ".venv").glob("ready-*"))


def test_a_half_made_environment_is_not_taken_for_a_whole_one(small):
    assert small.run().returncode == 0
    for ready in (small.folder / ".venv").glob("ready-*"):
        ready.unlink()  # as if killed before the last step
    shutil.rmtree(str(next((small.folder / ".venv").glob("lib/*/site-packages/pip"))))
    assert small.run().returncode == 0
    assert small.python("import pip, runner").returncode == 0


def test_a_changed_lock_is_installed_whatever_its_date(small):
    assert small.run().returncode == 0
    lock = small.folder / "requirements.txt"
    lock.write_text(wheel(small.folder / "wheels", "successor", "2.0"))
    os.utime(str(lock), (0, 0))
    assert small.run().returncode == 0
    assert small.python("import successor").returncode == 0
    assert small.python("import runner").returncode == 1  # exactly the lock: what left it is gone


def test_the_tests_packages_come_on_top(small):
    assert small.run("dev").returncode == 0
    assert small.python("import builder, runner, tester").returncode == 0
    again = small.run("dev", PIP_FIND_LINKS="/nowhere")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_a_moved_or_removed_python_is_noticed(small):
    assert small.run().returncode == 0
    python = small.folder / ".venv" / "bin" / "python"
    for link in python.parent.glob("python*"):
        link.unlink()
    python.symlink_to("/no/such/python")
    assert small.run().returncode == 0
    assert small.python("import runner").returncode == 0


def test_a_package_that_is_not_the_locked_file_is_refused(small):
    wheel(small.folder / "wheels", "runner", "1.0")
    with zipfile.ZipFile(
        str(small.folder / "wheels" / "runner-1.0-py3-none-any.whl"), "a"
    ) as file:
        file.writestr("extra.py", "")
    done = small.run()
    assert done.returncode == 1
    assert "HASH" in done.stderr.upper()
    assert not list((small.folder / ".venv").glob("ready-*"))


def test_no_compiler_is_said_before_anything_is_made(small):
    done = small.run(CC="/no/such/cc")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    for package in ("apt install g++", "dnf install gcc-c++", "xcode-select --install"):
        assert package in done.stderr
    assert not (small.folder / ".venv").exists()


def test_the_environment_of_another_project_does_not_reach_main(small):
    (small.folder / "elsewhere").mkdir()
    (small.folder / "elsewhere" / "runner.py").write_text("version = 'stray'\n")
    done = small.make(PYTHONPATH=str(small.folder / "elsewhere"))
    assert done.stdout.splitlines()[-1] == "1.0"


def test_make_help_lists_every_target(small):
    listed = [line.split()[1] for line in small.make("help").stdout.splitlines()]
    assert listed == [
        "run",
        "watch",
        "demo",
        "tensorboard",
        "setup",
        "test",
        "test-bare",
        "verify",
        "expected",
        "story",
        "observations",
        "bench",
        "experiments",
        "lint",
        "lock",
        "bump",
        "platforms",
        "audit",
        "clean",
        "help",
    ]
