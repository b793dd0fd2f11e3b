"""Other environments than the lander: by the same commands, or refused in one line."""

import json
import re
import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from helpers import PROJECT, assert_refused, run_main
from PIL import Image
from ray import cloudpickle

import main
import starter
from starter import Problem
from starter.display import overlay
from starter.environments.environment import Environment, make, parse_arguments
from starter.learning.adapter import GymnasiumAdapter
from starter.storage import checkpoint


@pytest.mark.parametrize(
    ("id", "arguments", "words"),
    [
        ("LunarLandr-v2", {}, ["doesn't exist", "Did you mean: `LunarLander`?"]),
        ("LunarLander-v1", {}, ["deprecated", "use `LunarLander-v2`"]),
        ("LunarLander-v2", {"gravty": -5}, ["unexpected keyword argument 'gravty'"]),
        ("LunarLander-v2", {"gravity": -50.0}, ["gravity", "must be between -12 and 0"]),
        ("no_such_module:Game-v0", {}, ["No module named 'no_such_module'"]),
        ("Pendulum-v1", {}, ["actions Box(-2.0, 2.0, (1,)", "Discrete(n)", "SAC or PPO"]),
        ("LunarLander-v2", {"continuous": True}, ["continuous=True", "Discrete(n)", "SAC"]),
        ("CarRacing-v2", {"continuous": False}, ["(96, 96, 3)", "images want", "convolutions"]),
        ("FrozenLake-v1", {}, ["observations Discrete(16)", "FlattenObservation"]),
        ("Blackjack-v1", {}, ["observations Tuple(", "FlattenObservation"]),
        ("broken:NoSeed-v0", {}, ["breaks gymnasium's interface", "`seed`"]),
        ("broken:OldReset-v0", {}, ["breaks gymnasium's interface", "tuple", "(obs, info)"]),
        ("broken:OldStep-v0", {}, ["breaks gymnasium's interface", "this one gives 4 values"]),
        ("broken:WrongShape-v0", {}, ["breaks gymnasium's interface", "observation space"]),
        ("broken:NoActions-v0", {}, ["breaks gymnasium's interface", "action space"]),
        ("broken:StartsAtOne-v0", {}, ["let them start at 0"]),
        ("broken:Raises-v0", {}, ["ZeroDivisionError", "broken.py, line "]),
        ("broken:CannotBeMade-v0", {}, ["cannot be made: OSError: no licence for this game"]),
    ],
)
def test_what_this_dqn_cannot_learn_is_refused(id, arguments, words):
    with pytest.raises(Problem) as refusal:
        Environment(id, arguments)
    assert "\n" not in str(refusal.value)
    for word in [id.split(":")[-1].split("-")[0], *words]:
        assert word in str(refusal.value)


def test_a_refusal_comes_before_anything_is_written(tmp_path):
    done = run_main("--env", "Pendulum-v1", "--output", tmp_path / "runs")
    assert_refused(done, "Pendulum-v1 has actions Box")
    done = run_main("--env-arg", "gravity", "--output", tmp_path / "runs")
    assert_refused(done, "--env-arg gravity is not name=value")
    assert not (tmp_path / "runs").exists()


def test_arguments_are_numbers_words_and_truths():
    pairs = ["gravity=-5.0", "enable_wind=true", "bursts=False", "map_name=8x8", "sizes=[1, 2]"]
    assert parse_arguments(pairs) == {
        "gravity": -5.0,
        "enable_wind": True,
        "bursts": False,
        "map_name": "8x8",
        "sizes": [1, 2],
    }
    assert parse_arguments(["text=a=b"]) == {"text": "a=b"}


def test_arguments_reach_the_game():
    falls = []
    for gravity in (-10.0, -5.0):
        env = Environment("LunarLander-v2", {"gravity": gravity}).make()
        first, _ = env.reset(seed=1)
        second = env.step(0)[0]
        falls.append(first[3] - second[3])
    assert falls[1] == pytest.approx(falls[0] / 2, rel=0.1)  # the vertical speed gained


def test_the_landers_wind_is_allowed_with_a_warning(capsys):
    game = Environment("LunarLander-v2", {"enable_wind": True})
    assert "non-deterministic" in capsys.readouterr().err
    assert game.make().unwrapped.enable_wind


def test_what_is_known_of_an_environment():
    cart, lander = Environment("CartPole-v1"), Environment("LunarLander-v2")
    assert (cart.solved, lander.solved, Environment("broken:Fine-v0").solved) == (475, 200, None)
    assert cart.frames_per_second == gymnasium.make("CartPole-v1").metadata["render_fps"]
    assert list(cart.actions) == ["action 0", "action 1"]
    assert lander.actions[2] == "main engine"
    assert cart.verdict(np.zeros(4), 1.0, True, 500.0) == "time limit +500"
    assert cart.verdict(np.zeros(4), 1.0, False, 21.0) == "ended +21"
    assert Environment("broken:Fine-v0").can_be_drawn is False


def test_solved_is_what_the_environments_authors_say():
    cart, endless = Environment("CartPole-v1"), Environment("broken:Fine-v0")
    returns = np.array([500.0] * 8 + [400.0] * 2)
    assert main.is_solved(returns, cart)  # nine in ten is for landers
    assert not main.is_solved(returns - 10, cart)
    assert not main.is_solved(returns - 250)  # of a lander: 250 and 150
    assert not main.is_solved(returns, endless)
    assert main.summary(returns, 475.0).endswith("8 of 10 at 475 or more")
    assert main.summary(returns, None) == "mean 480.00, standard deviation 40.00"


def test_observations_are_the_networks_type_and_no_episode_is_endless():
    env = make("broken:Endless-v0")
    observation, _ = env.reset(seed=0)
    assert observation.dtype == np.float32
    for timestep in range(1, 10_001):
        observation, _, terminated, truncated, _ = env.step(0)
        assert not terminated
        assert truncated == (timestep == 10_000)
    assert observation.dtype == np.float32


def test_the_axis_of_the_overlay_grows_with_what_is_expected():
    panel = overlay.Panel(Environment("MountainCar-v0"))
    frame = np.zeros((200, 300, 3), np.uint8)
    picture = panel.draw(frame, 1, 0.0, [-3.0, -11.5, -7.0], 0)
    assert (panel.low, panel.high) == (-20, 0)
    assert picture.shape == (overlay.LEAST_HEIGHT, 600, 3)  # a low frame is centred
    panel.draw(frame, 1, 0.0, [-3.0, 4.0, -7.0], 1)
    assert (panel.low, panel.high) == (-20, 5)
    lander = overlay.Panel(main.LANDER)
    lander.draw(frame, 1, 0.0, [900.0, -900.0, 0.0, 0.0], 0)
    assert (lander.low, lander.high) == (-100, 150)


@pytest.fixture(scope="module")
def cart(tmp_path_factory):
    """A short run of CartPole with a GIF; its output folder and its process."""
    output = tmp_path_factory.mktemp("cart")
    flags = ["--env", "CartPole-v1", "--iterations", 2, "--episodes", 1, "--render", "gif"]
    done = run_main(*flags, "--output", output)
    assert done.returncode == 0, done.stderr
    return output, done


@pytest.mark.slow
def test_another_environment_by_the_same_commands(cart, tmp_path):
    output, done = cart
    assert done.stderr == ""
    assert re.search(r"^greedy policy: mean .* of 100 at 475 or more$", done.stdout, re.M)
    assert "\nCartPole-v1 is " in done.stdout
    (folder,) = output.glob("CartPole-v1-seed0-iterations2-*")
    gif = Image.open(folder / "episodes.gif")
    assert gif.size == (900, 400)
    assert gif.info["duration"] == 40  # CartPole too has 50 frames a second
    # Its checkpoint knows what it learned.
    again = ["--from-checkpoint", output / "latest", "--render", "none", "--output", tmp_path]
    shown = run_main(*again, "--episodes", 1)
    assert shown.returncode == 0, shown.stderr
    episode = [line for line in done.stdout.splitlines() if line.startswith("episode 1:")]
    assert shown.stdout.splitlines() == episode
    other = run_main(*again, "--env", "LunarLander-v2")
    assert_refused(other, "learned CartPole-v1, not LunarLander-v2")


@pytest.mark.slow
def test_resume_keeps_environment_and_arguments(tmp_path):
    flags = ["--render", "none", "--episodes", 1, "--output", tmp_path]
    arguments = ["--env-arg", "max_episode_steps=100", "--iterations", 1]
    done = run_main("--env", "CartPole-v1", *arguments, *flags)
    assert done.returncode == 0, done.stderr
    done = run_main("--resume", "--iterations", 2, *flags)
    assert done.returncode == 0, done.stderr
    (folder,) = tmp_path.glob("CartPole-v1-max_episode_steps=100-seed0-*")
    assert json.loads((folder / "settings.json").read_text())["arguments"] == {
        "max_episode_steps": 100
    }
    episodes = (folder / "episodes.csv").read_text().splitlines()[1:]
    assert {line.split(",")[0] for line in episodes} == {"1", "2"}
    assert max(int(line.split(",")[2]) for line in episodes) <= 100
    done = run_main("--resume", "--env-arg", "max_episode_steps=50", "--iterations", 3, *flags)
    assert_refused(done, "learned with other arguments", "--env-arg")


@pytest.mark.slow
def test_an_environment_that_fails_in_the_middle_costs_one_iteration(tmp_path):
    flags = ["--render", "none", "--output", tmp_path]
    done = run_main("--env", "broken:RaisesLater-v0", *flags, PYTHONPATH=str(PROJECT / "tests"))
    assert_refused(done, "failed in step()", "KeyError: 'no such", "broken.py, line ")
    (folder,) = tmp_path.glob("broken-RaisesLater-v0-*")
    assert checkpoint.newest(folder).manifest["iteration"] == 1


def test_an_environment_reaches_a_worker_that_has_not_its_module(monkeypatch):
    """Sent as Ray sends it, to a process that finds neither the module nor this project."""
    game = Environment("broken:Fine-v0", {"max_episode_steps": 7})
    for module in (starter, sys.modules[game.module]):
        cloudpickle.register_pickle_by_value(module)
    try:
        sent = cloudpickle.dumps((GymnasiumAdapter, game.config))
    finally:
        for module in (starter, sys.modules[game.module]):
            cloudpickle.unregister_pickle_by_value(module)
    receive = """
import importlib.util, pickle, sys
assert not importlib.util.find_spec("broken") and not importlib.util.find_spec("starter")
make, config = pickle.load(sys.stdin.buffer)
env = make(config)
env.reset()
print(sum(not env.step(0)[2] for _ in range(7)), env.observation_space.shape)
"""
    done = subprocess.run([sys.executable, "-I", "-c", receive], input=sent, capture_output=True)
    assert done.stdout.decode() == "6 (3,)\n", done.stderr.decode()  # the limit of 7 came along


@pytest.mark.slow
def test_what_fails_in_a_worker_is_said_as_without(tmp_path):
    flags = ["--env", "broken:RaisesLater-v0", "--workers", 1, "--render", "none"]
    done = run_main(*flags, "--output", tmp_path, PYTHONPATH=str(PROJECT / "tests"))
    assert_refused(done, "failed in step()", "KeyError: 'no such", "broken.py, line ")
    (folder,) = tmp_path.glob("broken-RaisesLater-v0-*")
    assert checkpoint.newest(folder).manifest["iteration"] == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "flags", "said"),
    [
        ("Fine", ["--iterations", 1], "broken:Fine-v0 cannot be drawn: it has no render mode"),
        ("NotANumber", [], "gave a reward that is no number"),
        ("DrawsNothing", ["--iterations", 1], "failed in render(): rgb_array gives an array"),
        ("Fine", ["--render", "gif"], "broken:Fine-v0 cannot be drawn"),
    ],
)
def test_odd_environments(environment, flags, said, tmp_path):
    flags = ["--env", f"broken:{environment}-v0", *flags, "--output", tmp_path]
    done = run_main(*flags, PYTHONPATH=str(PROJECT / "tests"))
    if environment == "Fine" and "gif" not in flags:
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
        assert "is not solved" not in done.stdout  # nothing says what would solve it
    else:
        assert_refused(done, said)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "iterations", "score", "at_random"),
    [
        ("CartPole-v1", 45, 400, 30),
        ("Acrobot-v1", 20, -110, -450),
        ("MountainCar-v0", 40, -150, -199),
        ("examples.autoscaler:Autoscaler-v0", 60, 140, -60),
    ],
)
def test_other_environments_are_learned(environment, iterations, score, at_random, tmp_path):
    flags = ["--env", environment, "--iterations", iterations, "--render", "none"]
    done = run_main(*flags, "--episodes", 1, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    means = re.findall(r"^(greedy|random) policy: mean (-?[\d.]+),", done.stdout, re.M)
    assert max(float(mean) for kind, mean in means if kind == "greedy") >= score
    assert float(means[-1][1]) <= at_random
