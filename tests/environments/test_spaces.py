"""Any space's observations as a vector, and numbers as any space's actions."""

import gym
import numpy as np
import pytest
from gymnasium.spaces import (
    Box,
    Dict,
    Discrete,
    Graph,
    MultiBinary,
    MultiDiscrete,
    Sequence,
    Text,
    Tuple,
    flatten,
)

from starter.environments.spaces import SpaceError, actions, observations

NESTED = Dict(
    {
        "room": Tuple((Discrete(3, start=-1), Box(-1, 1, (2, 2)))),
        "lamps": MultiBinary([2, 2]),
        "clock": MultiDiscrete([[2, 3], [4, 1]]),
    }
)


@pytest.mark.parametrize(
    "space",
    [
        *(Discrete(16), Discrete(5, start=7), MultiDiscrete([3, 4]), MultiBinary(5), NESTED),
        *(Box(-1, 1, (3,)), Box(-1, 1, (4, 2), np.float64), Box(0, 9, (2, 2, 3), np.uint8)),
        *(Box(-np.inf, np.inf, (2,)), Box(-1, 1, ()), Tuple((Discrete(2), Discrete(3)))),
    ],
)
def test_observations_are_what_gymnasium_flattens_them_to(space):
    space.seed(0)
    size, encode, _ = observations(space)
    for _ in range(20):
        observation = space.sample()
        vector = encode(observation)
        assert vector.dtype == np.float32
        assert vector.shape == (size,)
        np.testing.assert_array_equal(vector, flatten(space, observation).astype(np.float32))


@pytest.mark.parametrize(
    ("space", "observation", "vector"),
    [
        (Box(-1, 1, (2,)), np.array([0.5, -1.0]), [0.5, -1]),  # float64
        (Box(-1, 1, (2,)), [1, 0], [1, 0]),
        (Box(-1, 1, (2,)), (True, 2.5), [1, 2.5]),  # beyond the bounds, too
        (Box(-1, 1, (2, 1)), [[0.25], [1]], [0.25, 1]),
        (Discrete(3), np.float64(2), [0, 0, 1]),
        (Discrete(3), np.array([1]), [0, 1, 0]),
        (Tuple((Discrete(2), Box(-1, 1, (1,)))), [1, [0.5]], [0, 1, 0.5]),
        (Dict(b=Discrete(2), a=Discrete(2)), {"a": 1, "b": 0}, [1, 0, 0, 1]),  # its order
        (gym.spaces.Dict(a=gym.spaces.Discrete(2)), {"a": 1}, [0, 1]),
    ],
)
def test_values_of_another_type_are_accepted_where_their_shape_fits(space, observation, vector):
    assert observations(space).encode(observation).tolist() == vector


def test_finite_bounds_far_from_1_scale():
    prices = Box(
        np.array([0, -1000, 0, -np.inf, -3.4e38], np.float32),
        np.array([255, 3000, 90, 500, 3.4e38], np.float32),
    )
    _, encode, note = observations(prices)
    assert encode(np.float32([255, -1000, 45, 250, 7])).tolist() == [1, -1, 45, 250, 7]
    assert encode([0, 2000, 90, -250, 0]).tolist() == [-1, 0.5, 90, -250, 0]
    assert note.endswith("(5,), float32), 2 of them scaled by the bounds to -1 and 1")
    assert observations(Box(0, 255, (2,), np.uint8)).encode(np.uint8([0, 255])).tolist() == [-1, 1]
    no_bounds = Box(-(2**63) + 2, 2**63 - 3, (1,), np.int64)  # as large as the type allows
    assert observations(no_bounds).encode([2000]).tolist() == [2000]


@pytest.mark.parametrize(
    ("space", "note"),
    [
        (Discrete(16), "observation: Discrete(16), flattened to 16 numbers"),
        (Box(-90, 90, (8,)), None),  # the lander's
        (Box(-1, 1, (6,), np.float64), None),
        (
            Box(0, 255, (2, 2), np.uint8),
            "observation: Box(0, 255, (2, 2), uint8), flattened to 4 numbers, "
            "scaled by the bounds to -1 and 1",
        ),
    ],
)
def test_a_line_says_what_was_done(space, note):
    assert observations(space).note == note


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (Box(0, 255, (96, 96, 3), np.uint8), ["an image", "gymnasium.ObservationWrapper"]),
        (Box(0, 1, (4, 84, 84)), ["an image"]),
        (Dict(view=Box(0, 255, (64, 64), np.uint8)), ["observation['view'] is", "an image"]),
        (Dict(mission=Text(9), at=Discrete(2)), ["['mission']", "Text", "FilterObservation"]),
        (Sequence(Discrete(2)), ["Sequence", "no fixed size"]),
        (Graph(Box(-1, 1, (1,)), None), ["Graph", "no fixed size"]),
        (Discrete(10**6), ["1,000,000 numbers", "replay buffer"]),
        ("a box", ["a box is not one of gymnasium.spaces"]),
    ],
)
def test_what_has_no_vector_is_refused(space, words):
    with pytest.raises(SpaceError) as refusal:
        observations(space)
    for word in words:
        assert word in str(refusal.value)


@pytest.mark.parametrize(
    ("space", "observation", "words"),
    [
        (Box(-1, 1, (3,)), np.zeros(1), "has shape (1,), not the (3,) of its space"),
        (Box(-1, 1, (3,)), np.zeros((3, 1), np.float32), "has shape (3, 1), not the (3,)"),
        (Box(-1, 1, (3,)), 0.5, "has shape (), not the (3,)"),
        (Box(-1, 1, (2,)), ["1", "2"], "is of type list"),
        (Box(-1, 1, (2,)), np.array([None, 1]), "is of type ndarray"),
        (Box(0, 255, (2,)), np.array(["a", "b"]), "is of type ndarray"),
        (Box(-1, 1, (3,)), None, "is None"),
        (Discrete(3), 3, "is 3, which is not in Discrete(3)"),
        (Discrete(3, start=1), 0, "is 0, which is not in Discrete(3, start=1)"),
        (Discrete(3), -1, "is -1"),
        (Discrete(3), 1.5, "is 1.5"),
        (MultiDiscrete([2, 3]), [2, 0], "is [2, 0]"),
        (MultiDiscrete([2, 3]), [1], "has shape (1,), not the (2,)"),
        (NESTED, {"room": (0, np.zeros((2, 2)))}, "has the parts ['room'], not the ['clock'"),
        (NESTED, 3, "is of type int"),
        (Tuple((Discrete(2),)), (1, 1), "has the parts 2, not the 1"),
        (Tuple((Discrete(2),)), (2,), "the observation[0] is 2"),
    ],
)
def test_an_observation_that_is_not_its_spaces_is_refused(space, observation, words):
    with pytest.raises(SpaceError) as refusal:
        observations(space).encode(observation)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("space", "number", "action", "count"),
    [
        (Discrete(4), np.int64(3), 3, 4),
        (Discrete(4, start=-2), 0, -2, 4),
        (MultiDiscrete([2, 3]), 4, [1, 1], 6),
        (MultiDiscrete([[2, 2], [2, 2]]), 15, [[1, 1], [1, 1]], 16),
        (MultiBinary(3), 6, [1, 1, 0], 8),
        (gym.spaces.Discrete(2), 1, 1, 2),
    ],
)
def test_numbers_become_actions(space, number, action, count):
    names, decode, _ = actions(space)
    decoded = decode(number)
    assert np.asarray(decoded).tolist() == action
    assert space.contains(decoded)
    assert len(names) == count
    assert len({str(decode(n)) for n in range(count)}) == count


def test_the_names_of_actions_without_a_name():
    assert actions(Discrete(2, start=1)).names == ["action 1", "action 2"]
    assert actions(MultiDiscrete([1, 2])).names == ["0, 0", "0, 1"]
    assert (
        actions(MultiDiscrete([1, 2])).note == "actions: MultiDiscrete([1 2]), as 2 combinations"
    )


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (Box(-2, 2, (1,)), ["DQN chooses one of a few", "ActionWrapper", "examples/torques.py"]),
        (MultiDiscrete([10, 10, 10]), ["1,000 combinations"]),
        (MultiDiscrete([2] * 70), ["combinations"]),
        (Tuple((Discrete(2),)), ["Tuple(Discrete(2))", "ActionWrapper"]),
    ],
)
def test_other_actions_are_refused(space, words):
    with pytest.raises(SpaceError) as refusal:
        actions(space)
    for word in words:
        assert word in str(refusal.value)
