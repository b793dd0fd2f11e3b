"""Where an environment is found: in gymnasium, a module, or a file anywhere; and its arguments."""

import json
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from starter import Problem
from starter.environments.environment import load
from starter.environments.loading import as_text, parse, parse_arguments

THERMOSTAT = """
import gymnasium
from gymnasium.spaces import Box, Dict, Discrete
from {sensor} import read

class Thermostat(gymnasium.Env):
    observation_space = Dict(
        {{"heating": Discrete(2), "room": Box(-20, 50, (1,)), "at night": Discrete(2)}}
    )
    action_space = Discrete(2)
    action_names = ["off", "on"]

    def __init__(self, outside=5.0):
        self.outside = outside

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time, self.heating, self.room = 0, 0, self.np_random.uniform(10, 25)
        return self._observe(), {{}}

    def step(self, action):
        self.time += 1
        self.heating = action
        self.room += 0.1 * (self.outside - self.room) + 2.5 * action
        return self._observe(), 1 - abs(self.room - 20) / 10, False, False, {{}}

    def _observe(self):
        return {{"heating": self.heating, "room": [read(self.room)], "at night": self.time % 2}}

gymnasium.register("{id}-v0", {entry}, max_episode_steps=200)
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a module and the one that it imports to a folder; they are forgotten afterwards."""
    before, path, known = set(sys.modules), list(sys.path), dict(gymnasium.envs.registry)

    def write(name, content=None, sensor="sensor", entry="Thermostat", folder=tmp_path):
        folder.mkdir(exist_ok=True)
        (folder / f"{sensor}.py").write_text("def read(room):\n    return float(room)\n")
        file = folder / f"{name}.py"
        id = name.title()
        file.write_text(content or THERMOSTAT.format(sensor=sensor, id=id, entry=entry))
        return file

    yield write
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
    sys.path[:] = path
    gymnasium.envs.registry.clear()
    gymnasium.envs.registry.update(known)


def test_a_file_anywhere(write, monkeypatch, tmp_path):
    file = write("heating")
    monkeypatch.chdir(tmp_path.parent)
    environment = load(f"{tmp_path.name}/heating.py:Heating-v0", {"outside": -5})
    assert environment.id == f"{file}:Heating-v0"
    assert str(environment) == "heating:Heating-v0 outside=-5"
    assert environment.actions == ["off", "on"]
    assert sorted(environment.modules) == ["heating", "sensor"]
    env = environment.make()
    assert env.reset(seed=1)[0].shape == (5,)
    assert env.unwrapped.outside == -5
    assert [env.step(1)[3] for _ in range(200)] == [False] * 199 + [True]


def test_a_module_in_the_folder_that_the_user_stands_in(write, monkeypatch, tmp_path):
    write("boiler", entry='"boiler:Thermostat"')
    monkeypatch.chdir(tmp_path)
    environment = load("boiler:Boiler-v0")
    assert (environment.id, environment.module) == ("boiler:Boiler-v0", "boiler")
    assert environment.config["spec"].entry_point is sys.modules["boiler"].Thermostat


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("LunarLandr-v2", "Did you mean: `LunarLander`"),
        ("LunarLander-v1", "Please use `LunarLander-v2`"),
        ("no_such_module:X-v0", "no module no_such_module here; a file elsewhere is path/to/"),
        ("no/such/file.py:X-v0", "no/such/file.py"),
        ("examples/torques.py", "lacks the ID of the environment: give examples/torques.py:ID"),
        ("examples.torques:Torques", "examples.torques registers Torques-v0"),
        ("starter.console:X-v0", "starter.console registers none"),
        ("~/no-such-file.py:X-v0", str(Path.home())),
    ],
)
def test_what_is_not_found_is_refused_with_what_there_is(id, words):
    with pytest.raises(Problem) as caught:
        load(id)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("oven", None, "registers Oven-v0"),
        ("typo", "import gymnasium\n1 +\n", "typo.py, line 2)"),
        ("fails", "import json\n\njson.loads('')\n", "fails.py, line 3)"),
        ("exits", "import sys\nsys.exit('bye')\n", "SystemExit: bye"),
        ("random", "", "rename it"),
        ("tree", "", "rename it"),  # RLlib imports a package of this name
        ("a.b", "", "rename it"),
    ],
)
def test_a_file_that_is_wrong_is_refused(name, content, words, write):
    file = write(name, content)
    with pytest.raises(Problem) as caught:
        load(f"{file}:Old-v7")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("-5.0", -5.0), ("true", True), ("False", False), ("None", None), ("8x8", "8x8")),
        *(('"4"', "4"), ("[1, 2]", [1, 2]), ("(5, 5)", (5, 5)), ("é \\ \"'", "é \\ \"'")),
    ],
)
def test_arguments_come_back_as_they_were_given(text, value):
    arguments = parse_arguments([f"name={text}"])
    assert repr(arguments) == repr({"name": value})
    kept = json.loads(json.dumps(as_text(arguments)))
    assert repr(parse(kept["name"])) == repr(value)


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("gravity", "--env-arg gravity is not name=value"),
        ("size=NaN", "size is nan, which a checkpoint cannot keep"),
        ("render_mode=human", "render_mode cannot be given"),
    ],
)
def test_arguments_that_cannot_be_kept_or_used_are_refused(pair, words):
    with pytest.raises(Problem) as caught:
        parse_arguments([pair])
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"size": np.zeros(30)}, "which a checkpoint cannot keep"),
        ({"max_episode_steps": 0}, "max_episode_steps is 0, and not 1 or more"),
        ({"max_episode_steps": "many"}, "is 'many', and not a finite"),
        ({"gravty": -5}, "unexpected keyword argument 'gravty'"),
        ({"gravity": -50.0}, "must be between -12 and 0"),
        ({"continuous": True}, "examples/torques.py"),
    ],
)
def test_arguments_that_the_environment_cannot_use_are_refused(arguments, words):
    with pytest.raises(Problem) as caught:
        load("LunarLander-v2", arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_numbers_of_numpy_become_pythons():
    short = load("helpers.broken:Short-v0")
    assert (type(short.solved), short.solved) == (float, 3)
    assert type(short.config["spec"].max_episode_steps) is int
    assert type(load("helpers.broken:Draws-v0").timesteps_per_second) is float
    assert [type(name) for name in load("helpers.broken:Named-v0").actions] == [str, str]
    with pytest.raises(Problem, match="reward_threshold is nan, and not a finite number"):
        load("helpers.broken:NoThreshold-v0")
