"""Any space's observations as a vector, and numbers as any space's actions."""

import gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Text, Tuple, flatten

from starter.environments.blame import Invalid
from starter.environments.spaces import actions, observations

PAIR = Tuple((Discrete(2), Box(-1, 1, (1,))))
NESTED = Dict(
    room=Tuple((Discrete(3, start=-1), Box(-1, 1, (2, 2)))),
    lamps=MultiBinary([2, 2]),
    clock=MultiDiscrete([[2, 3], [4, 1]]),
)


@pytest.mark.parametrize(
    "space", [Discrete(5, start=7), NESTED, Box(-1, 1, ()), Box(0, 9, (2, 2, 3), np.uint8)]
)
def test_observations_are_what_gymnasium_flattens_them_to(space):
    space.seed(0)
    size, encode, _ = observations(space)
    for _ in range(20):
        observation = space.sample()
        vector = encode(observation)
        assert (vector.dtype, vector.shape) == (np.float32, (size,))
        np.testing.assert_array_equal(vector, flatten(space, observation).astype(np.float32))


@pytest.mark.parametrize(
    ("space", "observation", "vector"),
    [
        (Box(-1, 1, (2,)), (True, 2.5), [1, 2.5]),  # beyond the bounds, too
        (Box(0, 9, (2,), np.uint8), np.array([0.5, 3]), [0.5, 3]),
        (Discrete(3), np.float64(2), [0, 0, 1]),
        (PAIR, [1, [0.5]], [0, 1, 0.5]),
        (Dict(b=Discrete(2), a=Discrete(2)), {"a": 1, "b": 0}, [1, 0, 0, 1]),  # its order
    ],
)
def test_values_of_another_type_are_accepted_where_their_shape_fits(space, observation, vector):
    assert observations(space)[1](observation).tolist() == vector


@np.errstate(all="raise")
def test_finite_bounds_far_from_1_scale():
    low, high = [0, -1000, 0, -np.inf, -np.inf], [255, 3000, 90, 500, np.inf]
    _, encode, note = observations(Box(np.float32(low), np.float32(high)))
    assert encode(np.float32([255, -1000, 45, 250, 7])).tolist() == [1, -1, 45, 250, 7]
    assert encode([0, 2000, 90, -250, 0]).tolist() == [-1, 0.5, 90, -250, 0]
    assert note.endswith("(5,), float32), 2 of 5 numbers scaled by their bounds to -1 and 1")


@pytest.mark.parametrize(
    ("space", "observation", "words"),
    [
        (Box(0, 255, (96, 96, 3), np.uint8), None, "27,648 numbers"),
        (Dict(mission=Text(9), at=Discrete(2)), None, "the observation['mission'] is Text"),
        (gym.spaces.Discrete(2), None, "of gym.spaces.discrete, not a Box"),
        (Box(-1, 1, (3,)), np.zeros((3, 1), np.float32), "has shape (3, 1) and type float32, but"),
        (Box(-1, 1, (2,)), ["1", "2"], "type <U1"),
        (Discrete(3, start=1), 0, "is 0, not in Discrete(3, start=1)"),
        (Discrete(3), -1, "is -1"),
        (Discrete(3), 1.5, "is 1.5"),
        (MultiDiscrete([2, 3]), [2, 0], "is [2, 0]"),
        (NESTED, {"room": (0, np.zeros((2, 2)))}, "not in Dict("),
        (NESTED, 3, "is 3, not in Dict("),
        (PAIR, (2, [0.5]), "the observation[0] is 2"),
    ],
)
def test_what_has_no_vector_is_refused(space, observation, words):
    with pytest.raises(Invalid) as refusal:
        observations(space)[1](observation)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("space", "number", "action", "name", "count"),
    [
        (Discrete(4, start=-2), np.int64(0), -2, "action -2", 4),
        (MultiDiscrete([[2, 3], [2, 2]]), 23, [[1, 2], [1, 1]], "1, 2, 1, 1", 24),
        (MultiBinary(3), 6, [1, 1, 0], "1, 1, 0", 8),
    ],
)
def test_numbers_become_actions(space, number, action, name, count):
    names, decode, _ = actions(space)
    assert np.asarray(decode(number)).tolist() == action
    assert space.contains(decode(number))
    assert (names[number], len(names)) == (name, count)
    assert len({str(decode(n)) for n in range(count)}) == count


@pytest.mark.parametrize("space", [Box(-2, 2, (1,)), MultiDiscrete([2] * 70)])
def test_other_actions_are_refused(space):
    with pytest.raises(Invalid, match="ActionWrapper, as examples"):
        actions(space)
