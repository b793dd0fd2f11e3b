"""What an environment may do wrong: one line, before training or at the timestep."""

from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest
from helpers import broken
from starter.learning.random_policy import RandomPolicy

from starter import Problem
from starter.environments.checks import Checked, try_out
from starter.environments.environment import Environment
from starter.learning.adapter import GymnasiumAdapter
from starter.learning.sampler import LockstepSampler

FILE = broken.__file__
INVALID = [
    ({"observation": np.zeros(1)}, "observation has shape (1,), not the (3,) of its space"),
    ({"observation": np.zeros((3, 1))}, "observation has shape (3, 1), not the (3,)"),
    ({"observation": np.zeros(2)}, "observation has shape (2,), not the (3,)"),
    ({"observation": None}, "observation is None"),
    ({"reward": None}, "the reward is None, which is no number"),
    ({"reward": "1.5"}, "the reward is '1.5'"),
    ({"reward": np.zeros(2)}, "the reward is array([0., 0.])"),
    ({"reward": float("nan")}, "the reward is nan"),
    ({"terminated": None}, "terminated is None, and not True or False"),
    ({"truncated": "no"}, "truncated is 'no'"),
    ({"info": None}, "the info is None, and not a dict"),
]


def refusal(id, **arguments):
    with pytest.raises(Problem) as caught:
        Environment(id, arguments)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(("parts", "words"), INVALID)
@pytest.mark.parametrize("after", [0, 40])
def test_what_a_timestep_returns_is_checked_every_time(parts, words, after):
    env = Checked(broken.Returns(after, **parts), "broken:Returns-v0")
    env.reset()
    for _ in range(after):
        env.step(0)
    with pytest.raises(Problem) as caught:
        env.step(1)
    said = str(caught.value)
    assert said.startswith(f"broken:Returns-v0, step() of Returns in {FILE}: ")
    assert words in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("parts", "reward", "terminated"),
    [
        ({"reward": np.array([2.5])}, 2.5, False),
        ({"reward": np.float32(0.1)}, float(np.float32(0.1)), False),
        ({"reward": 3, "terminated": np.bool_(True)}, 3.0, True),
        ({"terminated": np.array([True])}, 1.0, True),
        ({"observation": [1, 2, 3], "terminated": 0}, 1.0, False),
        ({"observation": np.full(3, 1e30)}, 1.0, False),  # large, but a number
    ],
)
def test_what_can_be_converted_is(parts, reward, terminated):
    env = Checked(broken.Returns(**parts), "it")
    env.reset()
    observation, *rest = env.step(0)
    assert (observation.shape, observation.dtype) == ((3,), np.float32)
    assert rest == [reward, terminated, False, {}]
    assert [type(value) for value in rest] == [float, bool, bool, dict]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NoSeed", ["reset() of NoSeed", "def reset(self, *, seed=None, options=None)"]),
        ("OldReset", ["reset() of OldReset", "apply_api_compatibility=True"]),
        ("OldStep", ["step() of OldStep", "must return observation, reward, terminated,"]),
        ("NoActions", ["NoActions", "has no action_space"]),
        ("NotAnEnvironment", ["NotAnEnvironment", "is no gymnasium.Env"]),
        ("TooFewNames", ["action_names is ('stay',), not 2 strings"]),
        ("CannotBeMade", ["cannot be made: OSError: no licence for this game", "line "]),
        ("Exits", ["step() of Exits", "failed: SystemExit: enough", "line "]),
    ],
)
def test_wrong_environments_are_refused_before_training(name, words):
    said = str(refusal(f"helpers.broken:{name}-v0"))
    for word in [f"helpers.broken:{name}-v0", *words]:
        assert word in said


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_observation_that_is_not_finite_is_refused_before_training(value):
    environment = Environment("helpers.broken:Returns-v0")
    env = environment.make()
    env.unwrapped.parts = {"observation": np.float32([0, value, 0])}
    with pytest.raises(Problem, match=rf"step\(\) of Returns .* {value} .* is not all numbers"):
        try_out(env, "it")


def test_info_none_is_refused_from_reset_too():
    assert "reset() of Returns" in str(refusal("helpers.broken:Returns-v0", reset_info=None))


@pytest.mark.parametrize("name", ["Raises", "RaisesInAPackage"])
def test_a_failure_names_the_users_line_and_keeps_the_traceback(name):
    problem = refusal(f"helpers.broken:{name}-v0")
    with open(FILE) as file:
        code = file.read().splitlines()
    number = int(str(problem).rpartition(" line ")[2].rstrip(")"))
    assert ("1 // 0" if name == "Raises" else "np.concatenate") in code[number - 1]
    assert f"({FILE}, line " in str(problem)
    assert "Traceback" in problem.traceback
    assert ("ZeroDivisionError" if name == "Raises" else "concatenate") in problem.traceback


def test_what_no_seed_repeats_gets_a_warning(capsys):
    Environment("helpers.broken:Fine-v0")
    assert capsys.readouterr().err == ""
    Environment("helpers.broken:Unrepeatable-v0")
    assert "not the same for the same seed" in capsys.readouterr().err
    lander = Environment("LunarLander-v2", {"enable_wind": True})
    assert "not the same for the same seed" in capsys.readouterr().err
    assert lander.make().unwrapped.enable_wind


@pytest.mark.parametrize("frame", ["rgb", "rgba", "int", "list"])
def test_frames_that_can_be_converted_are(frame):
    env = Checked(broken.Draws(frames=[frame]), "it")
    drawn = env.render()
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(drawn, broken.GREY)


@pytest.mark.parametrize(
    ("name", "frames", "words"),
    [
        (
            "NoRenderMode",
            None,
            "with render_mode='rgb_array', which its metadata lists: TypeError",
        ),
        ("Draws", ["none"], "render() of Draws"),
        ("Draws", ["none"], "it returns None, and not an array of shape (height, width, 3)"),
        ("Draws", ["grey"], "an array of shape (4, 6)"),
        ("Draws", ["float"], "of type float64, and not uint8"),
        ("Draws", ["bright"], "of type int64, and not uint8"),
        ("Draws", ["rgb", "low"], "frame 2 has shape (2, 6, 3), and the frames before"),
    ],
)
def test_wrong_frames_are_refused_before_training(name, frames, words):
    environment = Environment(f"helpers.broken:{name}-v0", {"frames": frames} if frames else {})
    assert environment.can_be_drawn
    with pytest.raises(Problem) as caught:
        environment.check_rendering()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_frame_that_differs_later_is_named():
    env = Checked(broken.Draws(frames=["rgb"] * 4 + ["low"]), "it")
    for _ in range(4):
        env.render()
    with pytest.raises(Problem, match=r"frame 5 has shape \(2, 6, 3\)"):
        env.render()


def test_a_wrapper_is_blamed_for_what_it_returns():
    class Cut(gymnasium.ObservationWrapper):
        def observation(self, observation):
            return observation[:1]

    env = Checked(gymnasium.wrappers.TimeLimit(Cut(gymnasium.make("CartPole-v1")), 5), "it")
    with pytest.raises(Problem, match=r"reset\(\) of Cut in .*test_checks\.py: .* \(1,\)"):
        env.reset()


def test_training_is_refused_at_the_step_where_an_observation_would_have_been_broadcast():
    environment = Environment("helpers.broken:Returns-v0", {"after": 9})
    environment.config["spec"].kwargs["observation"] = np.zeros(1)
    adapter = GymnasiumAdapter(environment.config)
    adapter.reset()
    for _ in range(9):
        assert adapter.step(0)[0].shape == (3,)
    with pytest.raises(Problem, match=r"shape \(1,\), not the \(3,\)"):
        adapter.step(0)


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        (
            "observation",
            np.float32([0, np.nan, 0]),
            r"step\(\) of Returns .*: an observation is not",
        ),
        (
            "reset_observation",
            np.float32([0, np.inf, 0]),
            r"reset\(\) of .*: an observation is not",
        ),
        ("reward", 1e39, r"step\(\) of Returns .*: a reward is too large"),
    ],
)
def test_training_is_refused_when_a_number_is_not_finite(part, value, words):
    environment = Environment("helpers.broken:Returns-v0", {"after": 5})
    environment.config["spec"].kwargs[part] = value
    policy = RandomPolicy(environment, seed=0)
    policy.global_timestep, policy.exploration = 0, SimpleNamespace(hold=lambda best, _: best)
    config = SimpleNamespace(get_rollout_fragment_length=lambda: 8, n_step=1, gamma=0.9)
    envs = [GymnasiumAdapter(environment.config)]
    worker = SimpleNamespace(
        config=config,
        policy_map={"default_policy": policy},
        async_env=SimpleNamespace(get_sub_environments=lambda: envs),
    )
    with pytest.raises(Problem, match=words):
        LockstepSampler(worker).next()
