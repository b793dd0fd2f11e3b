"""What the pages tell a reader to do: each link leads somewhere, each command and script runs."""

import re
import subprocess

import pytest
from helpers import PROJECT, copy_project, environment

PAGES = [PROJECT / "README.md", *sorted(PROJECT.glob("docs/*.md"))]
PAGES += sorted(PROJECT.glob(".github/*.md"))
TEXTS = {page: page.read_text("utf-8") for page in PAGES}
ALL = "\n".join(TEXTS.values())
# A block may have a short form, a reason for not running it, or a file where to save it.
BLOCK = re.compile(
    r"(?:^<!-- (short form|not run|file): (.*?) -->\n)?^```(sh|python)\n(.*?)^```", re.M | re.S
)


def steps():
    """What a reader types, page by page: shell commands, and README.md's Python scripts."""
    for page, text in TEXTS.items():
        for number, (mark, note, language, block) in enumerate(BLOCK.findall(text)):
            name = f"{page.stem}-{number}"
            if language == "sh" and mark != "not run":
                yield pytest.param(note if mark else block, id=name)
            elif language == "python" and page.stem == "README" and not block.startswith(" "):
                file = note if mark == "file" else f"{name}.py"
                script = f"cat > {file} <<'END'\n{block}END\n.venv/bin/python {file}"
                yield pytest.param(script, id=name)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The project as a reader gets it: not even set up, which README.md's first command does."""
    return copy_project(tmp_path_factory.mktemp("clone"))


@pytest.mark.slow
@pytest.mark.parametrize("step", steps())
def test_every_step_runs_in_the_order_of_the_pages(step, clone):
    done = subprocess.run(
        ["sh", "-ec", step], cwd=clone, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    assert "Traceback" not in done.stderr
    if "--episodes 1" in step:
        assert re.search(r"^episode 1: return -?[\d.]+$", done.stdout, re.M)


def slug(heading):
    """The anchor that GitHub gives a heading."""
    words = re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_and_anchor_leads_somewhere(page):
    anchors = {}
    for other, text in TEXTS.items():
        prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
        anchors[other] = {slug(heading) for heading in re.findall(r"^#+ (.*)", prose, re.M)}
    for link in re.findall(r"\]\(([^)\s]+)\)", TEXTS[page]):
        if not link.startswith("http"):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors[target], link


def test_every_target_of_make_exists():
    targets = set(re.findall(r"^([a-z-]+):.*## ", (PROJECT / "Makefile").read_text("utf-8"), re.M))
    named = set(re.findall(r"(?:`|^|&& )make ([a-z-]+)", ALL, re.M))
    assert {"verify", "test", "lock", "bump"} <= named <= targets


def test_every_file_of_the_project_that_is_named_exists():
    names = re.findall(r"`((?:starter|tests|scripts|docs|examples|locks)/[\w./-]*)`", ALL)
    assert [name for name in names if not (PROJECT / name).exists()] == []
