"""docs/troubleshooting.md: what it quotes is what is said, and its links lead somewhere."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import PROJECT, copy_project, environment, run_main

from starter import Problem, preflight
from starter.display import view as views
from starter.storage import folder as run_folder

PAGE = (PROJECT / "docs" / "troubleshooting.md").read_text("utf-8")
OURS = {
    line
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.M | re.S)
    for line in block.splitlines()
    if not line.startswith("$ ")
}
SEEN = set()  # lines of OURS that were really said while these tests ran
# A Python that answers as a distribution's 3.10 would, without what a test takes from it.
PYTHON = """#!/bin/sh
case "$2" in
    *version_info*) echo 3.10 ;;
    *platform*) echo {platform} ;;
    *HOST_GNU_TYPE*) exit {gnu} ;;
    *CC*) echo 'gcc -pthread' ;;
    *include*) echo {headers} ;;
    *) exit 1 ;;
esac
"""


def quoted(line):
    assert line in OURS, f"docs/troubleshooting.md does not quote: {line}"
    SEEN.add(line)


def executable(path, text):
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture()
def set_up(tmp_path):
    """Run scripts/setup.sh in a copy of the project; gives the last line of its stderr."""
    project = copy_project(tmp_path / "project")

    def run(python, **variables):
        done = subprocess.run(
            ["scripts/setup.sh"],
            cwd=str(project),
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHON": python, **variables},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1, done.stderr
        return done.stderr.splitlines()[-1]

    return run


def python_without(tmp_path, **what):
    answers = {"platform": "linux-x86_64", "gnu": 1, "headers": "/nowhere", **what}
    return str(executable(tmp_path / "python", PYTHON.format(**answers)))


def test_no_compiler(set_up, tmp_path):
    executable(tmp_path / "gcc", "#!/bin/sh\nexit 1\n")
    python = python_without(tmp_path)
    quoted(set_up(python, PATH=f"{tmp_path}:/usr/bin:/bin"))


def test_no_headers_and_no_venv(set_up, tmp_path):
    python = python_without(tmp_path)
    quoted(set_up(python).replace(python, "/usr/bin/python3.10"))
    (tmp_path / "Python.h").write_text("")
    python = python_without(tmp_path, headers=tmp_path)
    quoted(set_up(python).replace(python, "/usr/bin/python3.10"))


@pytest.mark.parametrize(("platform", "gnu"), [("darwin-x86_64", 1), ("linux-x86_64", 0)])
def test_no_lock(set_up, tmp_path, platform, gnu):
    quoted(set_up(python_without(tmp_path, platform=platform, gnu=gnu)))


def test_the_wrong_python_for_make(set_up, tmp_path):
    executable(tmp_path / "python3.11", "#!/bin/sh\necho 3.11\n")
    quoted(set_up("python3.11", PATH=f"{tmp_path}:/usr/bin:/bin"))


def test_no_python_for_make(set_up, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "awk", "sed", "cksum", "tr", "cat", "head", "uname"):
        (tools / tool).symlink_to(shutil.which(tool))
    quoted(set_up("", PATH=str(tools)))


def test_no_network(set_up):
    base = str(Path(sys.base_prefix, "bin", "python3"))
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}
    quoted(set_up(base, PIP_CONFIG_FILE=os.devnull, PIP_NO_CACHE_DIR="1", **nowhere))


def refused(monkeypatch, **system):
    with monkeypatch.context() as patch:
        for name, value in system.items():
            patch.setattr(sys, name, value)
        with pytest.raises(SystemExit) as caught:
            preflight.check()
    return str(caught.value)


def test_the_wrong_python_for_main(monkeypatch):
    quoted(refused(monkeypatch, version_info=(3, 11, 7), prefix="/usr"))


def test_outside_the_environment(monkeypatch):
    import importlib.metadata

    def nothing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", nothing)
    quoted(refused(monkeypatch, executable="/usr/bin/python3.10", prefix="/usr"))


@pytest.mark.parametrize(
    "variables", [{}, {"DISPLAY": ":4711"}, {"DISPLAY": None, "SDL_VIDEODRIVER": "dummy"}]
)
def test_no_display(tmp_path, variables):
    done = run_main("--render", "window", "--output", tmp_path, **variables)
    quoted(done.stderr.rstrip("\n"))


@pytest.mark.parametrize("display", [None, ":4711"])
def test_a_gif_instead(display, tmp_path, monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    if display:
        monkeypatch.setenv("DISPLAY", display)
    game = SimpleNamespace(
        can_be_drawn=True, is_lander=True, frames_per_second=50, actions=["action 0"]
    )
    config = {"gamma": 0.99, "replay_buffer_config": {}}
    with views.open_view(views.Render.auto, tmp_path, game, config) as view:
        (flight,) = view.flights(1)
        view.show(flight, lambda: np.zeros((4, 4, 3), np.uint8), np.zeros(1), 0)
    assert (tmp_path / "lander.gif").exists()
    said = capsys.readouterr().out.rstrip("\n")
    quoted(said.replace(str(tmp_path), "runs/LunarLander-v2-seed0-20261124-193108"))


def test_a_full_disk():
    folder = "runs/LunarLander-v2-seed0-20261124-193108"
    with pytest.raises(Problem) as caught, run_folder.writing(folder):
        raise OSError(28, "No space left on device")
    quoted(f"error: {caught.value}")


def test_the_window_of_the_article(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import gymnasium\ngymnasium.make('LunarLander-v2', render_mode='human').reset()\n"
    )
    for display in (None, ":4711"):
        done = subprocess.run(
            [sys.executable, str(script)],
            env=environment(DISPLAY=display),
            capture_output=True,
            text=True,
        )
        assert done.stderr.splitlines()[-1] == "pygame.error: No available video device"
    assert "\npygame.error: No available video device\n" in PAGE


def test_rllib_and_an_environment_of_gymnasiums():
    import gymnasium
    from ray.rllib.utils import check_env

    # Its name is in RLlib's words.
    Mine = type("Mine", (gymnasium.Env,), {"__module__": "__main__"})
    with pytest.raises(ValueError) as caught:
        check_env(Mine())
    (line,) = [line for line in str(caught.value).splitlines() if "Env must be" in line]
    assert line in PAGE.splitlines()
    assert "`disable_env_checking=True`" in str(caught.value)


def test_what_the_page_says_of_the_pins():
    pinned = preflight.pins(PROJECT / "requirements.txt")
    named = dict(re.findall(r"`([\w-]+)==([\d.]+)`", PAGE))
    assert {"numpy", "protobuf", "tensorboardx"} <= set(named)
    assert {name: pinned[name] for name in named} == named
    assert "pydantic" not in pinned
    import tensorboardX  # noqa: F401  (protobuf 4 and an old one would end here)

    assert np.bool8 is np.bool_
    import ray

    source = Path(ray.__file__).parent
    assert "np.bool8" in (source / "tune/logger/tensorboardx.py").read_text()
    assert "np.bool," in (source / "rllib/utils/pre_checks/env.py").read_text()
    assert "from pkg_resources import" in (source / "air/_internal/remote_storage.py").read_text()
    assert "pydantic.fields.ModelField" in (source / "util/serialization_addons.py").read_text()


def test_every_link_leads_somewhere():
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^## (.+)$", PAGE, re.M)
    }
    table = re.findall(r"^\| \[.*\]\(#([\w-]+)\)", PAGE, re.M)
    assert set(table) == headings
    assert set(re.findall(r"\(#([\w-]+)\)", PAGE)) <= headings
    for path in re.findall(r"\]\((?!https:)([^#)]+)\)", PAGE):
        assert (PROJECT / "docs" / path).exists(), path


def test_each_case_says_whether_it_was_reproduced():
    for section in PAGE.split("\n## ")[1:]:
        assert re.search(r"\*Reproduced\*|[Nn]ot reproduced here", section), section[:40]


def test_every_line_of_ours_was_said(request):
    """The last of this file: nothing is quoted that no test above has seen."""
    ran = {item.originalname for item in request.session.items if item.module is request.module}
    if ran != {name for name in vars(request.module) if name.startswith("test_")}:
        pytest.skip("the other tests of this file, which collect the lines, were not all run")
    assert OURS <= SEEN
