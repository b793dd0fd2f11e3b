"""The README as a tutorial: its commands run, and what it shows is the project's own."""

import re
import shutil
import subprocess

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.box2d import lunar_lander
from helpers import PROJECT, environment

import main
from scripts import environments, experiments

README = (PROJECT / "README.md").read_text("utf-8")
BLOCK = re.compile(
    r"(?:^<!-- (short form|not run): (.*?) -->\n)?^```(\w+)\n(.*?)^```", re.M | re.S
)
BLOCKS = [match.groups() for match in BLOCK.finditer(README)]
PAGES = [
    PROJECT / "README.md",
    *sorted(PROJECT.glob(".github/*.md")),
    *sorted(PROJECT.glob("docs/*.md")),
]


def commands():
    """Each shell command of the README, in its short form where it has one."""
    for mark, text, language, block in BLOCKS:
        if language == "sh" and mark != "not run":
            yield text if mark else block.strip()


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The project as a reader has it, set up, with the environment of part 10."""
    folder = tmp_path_factory.mktemp("clone") / "lander"
    unwanted = shutil.ignore_patterns(".git", ".venv", ".setup", "runs", "__pycache__", ".*cache")
    shutil.copytree(PROJECT, folder, symlinks=True, ignore=unwanted)
    (folder / ".venv").symlink_to(PROJECT / ".venv")
    (listing,) = [block for _, _, _, block in BLOCKS if block.startswith("import gymnasium")]
    (folder / "thermostat.py").write_text(listing)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("command", commands())
def test_every_command_runs(command, clone):
    done = subprocess.run(
        command, shell=True, cwd=clone, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    assert done.stderr == ""
    if "episodes 1" in command:
        assert re.search(r"^episode 1: return -?[\d.]+$", done.stdout, re.M)


def test_a_block_that_is_not_run_says_why():
    marked = [text for mark, text, _, _ in BLOCKS if mark == "not run"]
    assert len(marked) == len([*re.finditer("not run:", README)])
    for text in marked:
        for test in re.findall(r"test_\w+\.py", text):
            assert list((PROJECT / "tests").rglob(test))


def test_the_tables_output_is_what_it_prints():
    command, output = re.search(
        r"```sh\n(\S+ examples/q_table\.py)\n```\n+```console\n(.*?)```", README, re.S
    ).groups()
    printed = subprocess.run(command.split(), cwd=PROJECT, capture_output=True, text=True).stdout
    assert printed == output


def test_every_excerpt_is_in_its_file():
    sources = [(PROJECT / name).read_text("utf-8") for name in ("main.py", "examples/q_table.py")]
    excerpts = [block for _, _, language, block in BLOCKS if language == "python"]
    assert len(excerpts) == 5
    for excerpt in excerpts:
        if excerpt.startswith("import gymnasium"):  # the listing of part 10, which is trained
            continue
        pieces = excerpt.split("...\n")
        places = [[source.find(piece) for piece in pieces] for source in sources]
        assert any(-1 not in at and at == sorted(at) for at in places), excerpt


def test_the_lines_that_the_table_of_tricks_names_are_in_main_py():
    table = README.split("each is one line of `main.py`")[1].split("\n## ")[0]
    lines = re.findall(r"\| `([^|`]+)` \|$", table, re.M)
    assert len(lines) == 9
    for line in lines:
        assert (PROJECT / "main.py").read_text("utf-8").count(line) == 1, line


def slug(heading):
    """The anchor that GitHub gives a heading."""
    words = re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def test_every_link_and_anchor_leads_somewhere():
    anchors = {}
    for page in PAGES:
        text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S)
        anchors[page] = {slug(heading) for heading in re.findall(r"^#+ (.*)", text, re.M)}
    checked = 0
    for page in PAGES:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
            if link.startswith("http"):
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), f"{page.name}: {link}"
            if anchor:
                assert anchor in anchors[target], f"{page.name}: {link}"
            checked += 1
    assert checked > 40


def test_the_units_of_the_observations():
    width = lunar_lander.VIEWPORT_W / lunar_lander.SCALE
    height = lunar_lander.VIEWPORT_H / lunar_lander.SCALE
    env = gymnasium.make("LunarLander-v2")
    first, _ = env.reset(seed=3)
    second = env.step(0)[0]
    moved = (second - first)[:2] * [width / 2, height / 2] * lunar_lander.FPS  # a second's way
    per_1 = [5, 7.5]
    assert second[2:4] * per_1 == pytest.approx(moved, rel=0.03)
    turned = (second - first)[4] * lunar_lander.FPS
    assert second[5] * 2.5 == pytest.approx(turned, rel=0.03)
    assert f"{per_1[0]} units a second; the picture is {width:.0f} units wide" in README
    assert f"{per_1[1]} units a second; the picture is {height:.1f} units high" in README
    assert "2.5 radians a second" in README
    assert first[1] == pytest.approx(1.41, abs=0.02)


def test_the_rewards_parts():
    """The README's account of it, against the rewards of whole flights."""

    def score(o):
        far, fast = np.hypot(o[0], o[1]), np.hypot(o[2], o[3])
        return -100 * far - 100 * fast - 100 * abs(o[4]) + 10 * (o[6] + o[7])

    cost = [0.0, 0.03, 0.3, 0.03]
    random = np.random.default_rng(0)
    env = gymnasium.make("LunarLander-v2")
    starts, ends = [], []
    for seed in range(10):
        before, _ = env.reset(seed=seed)
        starts.append(score(before))
        over = False
        while not over:
            action = int(random.integers(4))
            after, reward, over, _, _ = env.step(action)
            if not over:
                assert reward == pytest.approx(
                    score(after) - score(before) - cost[action], abs=0.01
                )
            before = after
        ends.append(reward)
    assert ends == [-100] * 10
    assert np.mean(starts) == pytest.approx(-200, abs=25)


def table_rows(text, columns):
    """The cells of the rows with so many columns, without the head of the first table."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return [row for row in cells if len(row) == columns][2:]


def test_the_experiments_are_the_ones_that_were_measured():
    """Each row of the README's table: its change and its figures, against the report's."""
    changes = {
        name: [" ".join(change.flags), change.old, change.new]
        for name, change in experiments.CHANGES.items()
        if name != "baseline"
    }
    report = (PROJECT / "docs" / "experiments.md").read_text("utf-8")
    figures = {row[0]: row[1:] for row in table_rows(report, 6)}
    rows = table_rows(README.split("\n## 8 ")[1].split("\n## ")[0], 5)
    found = {}
    for row in rows:
        names = [name for name, values in figures.items() if values[:2] == row[1:3]]
        named = [n for n in names if n not in changes or all(c in row[0] for c in changes[n])]
        assert named, row
        found[named[0]] = row
    assert set(changes) <= set(found)
    assert len(rows) == len(figures)


def test_the_figures_of_the_benchmark():
    rows = table_rows((PROJECT / "docs" / "benchmark.md").read_text("utf-8"), 10)
    whole, seeds = rows[0], [row for row in rows if row[0].isdigit()]
    timesteps = sorted(int(row[1].replace(",", "")) for row in seeds)
    assert whole[1] == f"{len(seeds)} of {len(seeds)}"
    share = whole[3].replace(" ", "")
    said = (
        f"Runs with seeds 1 to {len(seeds)} all solved the lander. Half of them stopped within "
        f"{whole[8]} timesteps, the slowest after {timesteps[-1]:,}. Of their fresh flights, from "
        f"starts that neither training nor evaluation had used, {share} reached 200"
    )
    assert said in README
    assert np.median(timesteps) == int(whole[8].replace(",", ""))


def test_the_environments_that_are_not_solved():
    rows = table_rows((PROJECT / "docs" / "environments.md").read_text("utf-8"), 7)
    assert len(rows) == len(environments.ENVIRONMENTS)
    unsolved = [row[0] for row in rows if row[2] != "-" and "-" in row[3]]
    assert unsolved == ["Taxi-v3"]
    assert "they [reach every threshold but Taxi's]" in README


def test_the_figures_of_part_5():
    config = main.configure(0)
    timesteps = config.min_sample_timesteps_per_iteration
    updates = timesteps * config.training_intensity / config.train_batch_size
    assert f"{timesteps:,} timesteps played and {updates:.0f} updates" in README


def test_the_pages_are_short():
    assert len(README.splitlines()) <= 400
    text = " ".join(page.read_text("utf-8") for page in PAGES)
    assert len(re.findall(r"[^\s|]*\w[^\s|]*", text)) < 11_000
