"""Where an environment is found: in gymnasium, a module, or a file anywhere; and its arguments."""

import json
import os
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from starter import Problem
from starter.environments.environment import Environment
from starter.environments.loading import (
    arguments_as_text,
    arguments_from_text,
    parse_arguments,
)

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
    environment = Environment(f"{tmp_path.name}/heating.py:Heating-v0", {"outside": -5})
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
    environment = Environment("boiler:Boiler-v0")
    assert (environment.id, environment.module) == ("boiler:Boiler-v0", "boiler")
    assert environment.config["spec"].entry_point is sys.modules["boiler"].Thermostat


def test_the_same_file_twice_is_imported_once(write):
    file = write("twice")
    first, second = (Environment(f"{file}:Twice-v0") for _ in range(2))
    assert type(first.make().unwrapped) is type(second.make().unwrapped)


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("LunarLandr-v2", ["did you mean LunarLander-v2"]),
        ("LunarLander-v1", ["did you mean LunarLander-v2"]),
        ("LunarLander", ["did you mean LunarLander-v2"]),
        ("Qqq-v0", ["no environment Qqq-v0 in gymnasium", "path/to/file.py:ID"]),
        ("no_such_module:X-v0", ["no module no_such_module here", "path/to/file.py:ID"]),
        ("path/to/mine:X-v0", ["no module path/to/mine here", "path/to/file.py:ID"]),
        ("no/such/file.py:X-v0", ["no file", "no/such/file.py"]),
        ("examples/torques.py", ["lacks the ID", "examples/torques.py:ID"]),
        ("examples.torques:Torques", ["no Torques in examples.torques", "Torques-v0"]),
        ("starter.console:X-v0", ["X-v0 is not registered", "gymnasium.register('X-v0'"]),
    ],
)
def test_what_is_not_found_is_refused_with_what_there_is(id, words):
    with pytest.raises(Problem) as caught:
        Environment(id)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("oven", None, "registers Oven-v0"),
        ("typo", "import gymnasium\n1 +\n", "typo.py, line 2)"),
        ("fails", "import json\n\njson.loads('')\n", "fails.py, line 3)"),
        ("exits", "import sys\nsys.exit('bye')\n", "SystemExit: bye"),
        ("lacking", "import no_such_package\n", "No module named 'no_such_package'"),
        ("random", "", "rename it"),
        ("tree", "", "rename it"),  # RLlib imports a package of this name
        ("a.b", "", "rename it"),
        (
            "old",
            "import gym\ngym.register('Old-v7', entry_point='old:X')\n",
            "apply_api_compatibility=True",
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused(name, content, words, write):
    file = write(name, content)
    with pytest.raises(Problem) as caught:
        Environment(f"{file}:Old-v7")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


OLD_GYM = """
import gym, gymnasium, numpy as np

class Corridor(gym.Env):
    metadata = {"render.modes": ["rgb_array"], "video.frames_per_second": 12}
    observation_space = gym.spaces.Dict(cell=gym.spaces.Discrete(4))
    action_space = gym.spaces.Discrete(2)

    def seed(self, seed=None):
        self.random = np.random.RandomState(seed)

    def reset(self):
        self.cell = self.random.randint(3)
        return {"cell": self.cell}

    def step(self, action):
        self.cell = max(self.cell + 2 * action - 1, 0)
        return {"cell": self.cell}, float(self.cell), self.cell == 3, {}

    def render(self, mode="human"):
        return np.full((4, 4, 3), 60 * self.cell, np.uint8)

gymnasium.register(
    "Corridor-v0", Corridor, max_episode_steps=30, apply_api_compatibility=MODERN
)
"""


def test_an_environment_of_old_gym(write, tmp_path):
    file = write("corridor", OLD_GYM.replace("MODERN", "True"))
    environment = Environment(f"{file}:Corridor-v0")
    assert environment.frames_per_second == 12
    env = environment.make("rgb_array")
    starts = [env.reset(seed=seed)[0].argmax() for seed in (1, 1, 2, 3, 4, 5)]
    assert starts[0] == starts[1]
    assert len(set(starts)) == 3
    cell = starts[-1]
    for _ in range(3 - cell):
        observation, reward, terminated, truncated, _ = env.step(1)
    assert observation.tolist() == [0, 0, 0, 1]
    assert (reward, terminated, truncated) == (3.0, True, False)
    assert env.render()[0, 0, 0] == 180
    env.reset()
    assert [env.step(0)[3] for _ in range(30)][-2:] == [False, True]


def test_one_of_old_gym_without_the_compatibility_layer_is_told_of_it(write):
    file = write("alley", OLD_GYM.replace("MODERN", "False").replace("Corridor", "Alley"))
    with pytest.raises(Problem, match=r"is no gymnasium.Env; .*apply_api_compatibility=True"):
        Environment(f"{file}:Alley-v0")
    layer = Environment(f"{file}:Alley-v0", {"apply_api_compatibility": True})
    assert layer.make().reset(seed=0)[0].shape == (4,)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-5.0", -5.0),
        ("true", True),
        ("False", False),
        ("None", None),
        ("null", None),
        ("8x8", "8x8"),
        ("'4'", "4"),
        ('"4"', "4"),
        ("a=b", "a=b"),
        ("[1, 2]", [1, 2]),
        ("(5, 5)", (5, 5)),
        ("{1: (2,)}", {1: (2,)}),
        ("1e3", 1000.0),
        ("it's", "it's"),
        ("é \\ \"'", "é \\ \"'"),
    ],
)
def test_arguments_come_back_as_they_were_given(text, value):
    arguments = parse_arguments([f"name={text}"])
    assert repr(arguments) == repr({"name": value})
    kept = json.loads(json.dumps(arguments_as_text(arguments)))
    assert repr(arguments_from_text(kept)) == repr(arguments)
    assert arguments_from_text({"name": -5.0}) == {"name": -5.0}  # an older manifest's


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("gravity", "--env-arg gravity is not name=value"),
        ("a b=1", "is not name=value"),
        ("size=NaN", "size is nan, which a checkpoint cannot keep"),
        ("size=1e999", "size is inf"),
        ("render_mode=human", "render_mode cannot be given: the flag --render sets it"),
        ("autoreset=true", "autoreset cannot be given"),
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
        ({"max_episode_steps": 0}, "1 or more, and not 0"),
        ({"max_episode_steps": "many"}, "and not many"),
        ({"gravty": -5}, "unexpected keyword argument 'gravty'"),
        ({"gravity": -50.0}, "must be between -12 and 0"),
        ({"continuous": True}, "examples/torques.py"),
    ],
)
def test_arguments_that_the_environment_cannot_use_are_refused(arguments, words):
    with pytest.raises(Problem) as caught:
        Environment("LunarLander-v2", arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_that_begins_with_home():
    path = os.path.join("~", "no-such-file.py:X-v0")
    with pytest.raises(Problem, match=str(Path.home())):
        Environment(path)
