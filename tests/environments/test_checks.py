"""What an environment may do wrong: one line, before training or at the timestep."""

import linecache
from contextlib import suppress

import gymnasium
import numpy as np
import pytest
from helpers import PROJECT, broken, run_code
from tensorflow.python.eager.context import eager_mode

from starter import Problem
from starter.environments.checks import Checked
from starter.environments.environment import load


def users_line(said):
    """Return the line of the user's file that a message names."""
    assert "\n" not in said
    file, _, number = said.rpartition("(")[2].rstrip(")").partition(", line ")
    return linecache.getline(file, int(number))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"observation": np.zeros(1)}, "the observation has shape (1,) and type float64"),
        ({"observation": np.float32([0, np.nan, 0])}, "nan 0.] is not all finite numbers"),
        ({"observation": [0, 1e300, 0]}, "is not all finite numbers"),
        ({"reward": None}, "the reward is None, not a finite float32"),
        ({"reward": np.zeros(2)}, "the reward is array([0., 0.])"),
        ({"reward": float("nan")}, "the reward is nan"),
        ({"reward": 1e39}, "the reward is 1e+39"),
        ({"terminated": None}, "terminated is None, not True or False"),
        ({"truncated": "no"}, "truncated is 'no'"),
        ({"info": None}, "the info is None, not a dict"),
    ],
)
def test_every_timestep_is_checked(parts, words):
    env = Checked(broken.Returns(after=40, **parts), "broken:Returns-v0")
    env.reset()
    for _ in range(40):
        env.step(0)
    with pytest.raises(Problem) as caught:
        env.step(1)
    said = str(caught.value)
    assert said.startswith("broken:Returns-v0, step() of Returns: ")
    assert words in said
    assert "def step" in users_line(said)


@pytest.mark.parametrize(
    ("parts", "reward", "terminated"),
    [
        ({"reward": np.array([2.5])}, 2.5, False),
        ({"reward": 3, "terminated": np.bool_(True)}, 3.0, True),
        ({"terminated": np.array([True])}, 1.0, True),
        ({"observation": [1, 2, 1e30], "terminated": 0}, 1.0, False),
    ],
)
def test_what_can_be_converted_is(parts, reward, terminated):
    env = Checked(broken.Returns(**parts), "it")
    env.reset()
    observation, *rest = env.step(0)
    assert (observation.shape, observation.dtype) == ((3,), np.float32)
    assert rest == [reward, terminated, False, {}]
    assert [type(value) for value in rest] == [float, bool, bool, dict]


def test_an_observation_stays_as_it_was_when_the_environment_reuses_its_array():
    env = Checked(broken.Reused(), "it")
    env.reset()
    seen = [env.step(0)[0] for _ in range(3)]
    assert [observation.tolist() for observation in seen] == [[1.0] * 3, [2.0] * 3, [3.0] * 3]


@pytest.mark.parametrize(
    ("name", "words", "line"),
    [
        ("NoSeed", "it must begin with def reset(self, *, seed=None, options=None)", "def reset"),
        ("OldStep", "it must return observation, reward, terminated, truncated and", "def step"),
        ("NoActions", "NoActions: the actions are None", "class NoActions"),
        ("TooFewNames", "action_names is ('stay',), not 2 strings", "class TooFewNames"),
        ("CannotBeMadeTwice", "cannot be made: OSError: the port is in use", "raise OSError"),
        ("CannotBeCopied", "1 required positional argument: 'lock'", "def __init__"),
        ("Uncopied", "CannotBeCopied cannot be made: TypeError: cannot pickle", "def __init__"),
        ("CannotBeClosed", "close() of CannotBeClosed: AttributeError: server", "del self"),
        ("FailsThenCannotBeClosed", "step() of FailsThenCannotBeClosed: ZeroDivision", "1 // 0"),
        ("Exits", "step() of Exits: SystemExit: enough", "raise SystemExit"),
        ("Raises", "step() of Raises: ValueError: need at least one array", "np.concatenate"),
    ],
)
def test_wrong_environments_are_refused_before_training_with_their_line(name, words, line):
    with pytest.raises(Problem) as caught:
        load(f"helpers.broken:{name}-v0")
    assert str(caught.value).startswith(f"helpers.broken:{name}-v0, ")
    assert words in str(caught.value)
    assert line in users_line(str(caught.value))


def test_a_wrapper_is_blamed_for_what_it_returns():
    class Cut(gymnasium.ObservationWrapper):
        def observation(self, observation):
            return observation[:1]

    env = Checked(gymnasium.wrappers.TimeLimit(Cut(gymnasium.make("CartPole-v1")), 5), "it")
    with pytest.raises(Problem, match=r"reset\(\) of Cut: .* \(1,\) .*test_checks\.py, line "):
        env.reset()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Fine", ""),
        ("Reused", "keeps something from one episode to the next"),
        ("Normalized", "keeps something from one episode to the next"),
        ("Unrepeatable", "is not the same for the same seed"),
        ("Shared", "shares something, such as a global variable"),
    ],
)
def test_a_warning_says_if_more_than_the_seed_decides(name, words, capsys):
    load(f"helpers.broken:{name}-v0")
    said = capsys.readouterr().err
    assert said.count("\n") == bool(words)
    assert words in said


@pytest.mark.parametrize("name", ["Fine", "Raises", "TooFewNames", "CannotBeMadeTwice"])
def test_every_environment_that_was_made_for_the_trial_is_closed(name):
    broken.Fine.made = broken.Fine.closed = 0
    with suppress(Problem):
        load(f"helpers.broken:{name}-v0")
    assert broken.Fine.closed == broken.Fine.made > 0


@pytest.mark.parametrize("ending", ["", "raise KeyboardInterrupt"])
def test_all_that_are_open_are_closed_when_the_process_ends(ending):
    code = "import atexit\nfrom helpers import broken\n"
    code += "atexit.register(lambda: print('closed', broken.Fine.closed))\n"
    code += "from starter.environments.checks import Checked\n"
    code += "kinds = (broken.Fine, broken.CannotBeClosed, broken.Fine)\n"
    code += f"envs = [Checked(kind(), 'it') for kind in kinds]\nenvs[0].close()\n{ending}"
    done = run_code(code, PYTHONPATH=PROJECT / "tests")
    assert "closed 3" in done.stdout
    assert "warning: it, close() of CannotBeClosed: AttributeError: server" in done.stderr


def test_the_trial_has_no_eager_execution_as_training_has_none():
    with eager_mode(), pytest.raises(Problem, match="switches TensorFlow's eager execution off"):
        load("helpers.broken:Eager-v0")


@pytest.mark.parametrize(
    ("frame", "words"),
    [("none", "render() of Draws: it returns None, not"), ("grey", "shape (4, 6) and type uint8")],
)
def test_wrong_frames_are_refused_before_training(frame, words):
    environment = load("helpers.broken:Draws-v0", {"frame": frame})
    assert environment.can_be_drawn
    with pytest.raises(Problem) as caught:
        environment.check_rendering()
    assert words in str(caught.value)
