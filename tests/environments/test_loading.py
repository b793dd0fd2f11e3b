"""Where an environment is found: in gymnasium, a module, or a file anywhere; and its arguments."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from starter import Problem
from starter.environments.environment import load
from starter.environments.loading import as_text, parse, parse_arguments

LAMP = """
import gymnasium
from gymnasium.spaces import Box, Dict, Discrete
from {name}_sensor import read

class Lamp(gymnasium.Env):
    observation_space = Dict({{"day": Discrete(2), "hour": Box(0, 1, (1,))}})
    action_space = Discrete(2)

    def __init__(self, weight=1.0):
        self.weight = weight

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._pass(), {{}}

    def step(self, action):
        reward = self.weight * (action == self.day)
        return self._pass(), reward, False, False, {{}}

    def _pass(self):
        self.day = int(self.np_random.integers(2))
        return {{"day": self.day, "hour": [read(self.day)]}}

gymnasium.register("{name}-v0", {entry}, max_episode_steps=200)
"""


@pytest.fixture(autouse=True)
def same_path(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))


def write(folder, name, entry="Lamp"):
    """Write a module and the one that it imports."""
    (folder / f"{name}_sensor.py").write_text("def read(day):\n    return day / 2\n")
    (folder / f"{name}.py").write_text(LAMP.format(name=name, entry=entry))


def test_a_file_anywhere(monkeypatch, tmp_path):
    write(tmp_path, "lamp")
    monkeypatch.chdir(tmp_path.parent)
    environment = load(f"{tmp_path.name}/lamp.py:lamp-v0", {"weight": -5})
    assert environment.id == f"{tmp_path}/lamp.py:lamp-v0"
    assert str(environment) == "lamp:lamp-v0 weight=-5"
    assert sorted(environment.modules) == ["lamp", "lamp_sensor"]
    env = environment.make()
    assert env.reset(seed=1)[0].shape == (3,)
    assert env.unwrapped.weight == -5
    assert [env.step(1)[3] for _ in range(200)] == [False] * 199 + [True]


def test_a_module_in_the_folder_that_the_user_stands_in(monkeypatch, tmp_path):
    write(tmp_path, "candle", entry='"candle:Lamp"')
    monkeypatch.chdir(tmp_path)
    environment = load("candle:candle-v0")
    assert environment.id == "candle:candle-v0"
    assert type(environment.make().unwrapped) is sys.modules["candle"].Lamp


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("LunarLandr-v2", "Did you mean: `LunarLander`"),
        ("LunarLander-v1", "Please use `LunarLander-v2`"),
        ("no_such_module:X-v0", "No module named 'no_such_module'"),
        ("examples/torques.py", "path/to/file.py:ID"),
        ("examples.torques:Torque-v0", "Did you mean: `Torques`"),
        ("~/no-such-file.py:X-v0", f"there is no file {Path.home()}"),
    ],
)
def test_what_is_not_found_is_refused_with_what_there_is(id, words):
    with pytest.raises(Problem) as caught:
        load(id)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("typo", "import gymnasium\n1 +\n", "typo.py, line 2)"),
        ("fails", "import json\n\njson.loads('')\n", "fails.py, line 3)"),
        ("exits", "import sys\nsys.exit('bye')\n", "SystemExit: bye"),
        ("random", "", "rename it"),
        ("tree", "", "rename it"),  # RLlib imports a package of this name
    ],
)
def test_a_file_that_is_wrong_is_refused(name, content, words, tmp_path):
    file = tmp_path / f"{name}.py"
    file.write_text(content)
    with pytest.raises(Problem) as caught:
        load(f"{file}:Old-v7")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("-5.0", -5.0), ("true", True), ("False", False), ("8x8", "8x8"), ('"4"', "4")),
        *(("[1, 2]", [1, 2]), ("(5, 5)", (5, 5)), ("é \\ \"'", "é \\ \"'")),
    ],
)
def test_arguments_come_back_as_they_were_given(text, value):
    arguments = parse_arguments([f"name={text}"])
    assert repr(arguments) == repr({"name": value})
    kept = json.loads(json.dumps(as_text(arguments)))
    assert repr(parse(kept["name"])) == repr(value)


def test_a_flag_that_is_no_argument_is_refused():
    with pytest.raises(Problem, match="--env-arg gravity is not name=value"):
        parse_arguments(["gravity"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"size": np.zeros(30)}, "which a checkpoint can keep"),
        ({"size": float("nan")}, "the argument size is nan; give"),
        ({"render_mode": "human"}, "render_mode cannot be given"),
        ({"max_episode_steps": "many"}, "'>=' not supported between instances of 'int' and 'str'"),
        ({"gravty": -5}, "unexpected keyword argument 'gravty'"),
        ({"gravity": -50.0}, "must be between -12 and 0"),
        ({"continuous": True}, "examples/torques.py"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(arguments, words):
    with pytest.raises(Problem) as caught:
        load("LunarLander-v2", arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
