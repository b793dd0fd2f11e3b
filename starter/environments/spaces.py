"""Any observation as a vector of numbers, and one of a few actions as the environment's own."""

import itertools
from typing import Any, Callable, List, NamedTuple, Optional, Tuple

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete

FLOAT32 = np.dtype(np.float32)
FAR = 100.0  # numbers with a larger bound are scaled; LunarLander's are 90, though it stays near 1
NO_BOUND = 1e9  # a bound beyond this means none: a type's largest number, 3.4e38 in CartPole
MOST_NUMBERS = 4_000  # the replay buffer holds 100,000 observations: of these, 1.6 GB
MOST_ACTIONS = 400
IMAGE = 32  # pixels: a Box with two axes of at least this many is an image
EXAMPLE = "examples/torques.py"


class SpaceError(ValueError):
    """What came is not what was promised, or what is promised cannot be learned."""


class Observations(NamedTuple):
    """How the observations of a space become vectors.

    Attributes:
        size: how many numbers a vector has.
        encode: takes an observation; returns an array of shape (size,) and type float32.
            Raises SpaceError if the observation is not one of the space's.
        note: what was done, in one line; None if nothing was.
    """

    size: int
    encode: Callable[[Any], np.ndarray]
    note: Optional[str]


class Actions(NamedTuple):
    """How the numbers 0 to n - 1 become actions of a space.

    Attributes:
        names: one for each action.
        decode: takes a number; returns the environment's action.
        note: what was done, in one line; None if nothing was.
    """

    names: List[str]
    decode: Callable[[int], Any]
    note: Optional[str]


def text(thing: Any) -> str:
    """Return a space or a value in one line of at most 200 characters."""
    words = " ".join(str(thing).split())
    return words if len(words) <= 200 else f"{words[:197]}..."


def modern(space: Any) -> gymnasium.Space:
    """Return the gymnasium space that equals one of old gym.

    Raises:
        SpaceError: if there is none.
    """
    if isinstance(space, gymnasium.Space):
        return space
    kind = type(space).__name__
    if kind == "Box":
        return Box(space.low, space.high, dtype=space.dtype)
    if kind == "Discrete":
        return Discrete(int(space.n), start=int(getattr(space, "start", 0)))
    if kind == "MultiDiscrete":
        return MultiDiscrete(space.nvec)
    if kind == "MultiBinary":
        return MultiBinary(space.n)
    if kind == "Tuple":
        return gymnasium.spaces.Tuple([modern(part) for part in space.spaces])
    if kind == "Dict":
        return Dict({key: modern(part) for key, part in space.spaces.items()})
    raise SpaceError(f"{text(space)} is not one of gymnasium.spaces")


def observations(space: Any) -> Observations:
    """Return how the observations of a space become vectors.

    `Discrete` and `MultiDiscrete` are one-hot: one number per value, 1 for the value that it is
    and 0 for the others. A number of a `Box` with two bounds, one of them beyond 100, is scaled
    from them to -1 and 1; other numbers stay as they are. `Tuple` and `Dict` are joined in the
    space's order.

    Raises:
        SpaceError: if they do not.
    """
    space = modern(space)
    scaled: List[int] = []
    size, encode = _encoder(space, "the observation", scaled)
    if size > MOST_NUMBERS:
        raise SpaceError(
            f"the observation {text(space)} has {size:,} numbers, and the replay buffer has room "
            f"for {MOST_NUMBERS:,}; {_wrap('Observation', 'takes fewer')}"
        )
    done = []
    if not isinstance(space, Box) or len(space.shape) != 1:
        done.append(f"flattened to {size} numbers")
    if sum(scaled):
        some = "" if sum(scaled) == size else f"{sum(scaled)} of them "
        done.append(f"{some}scaled by the bounds to -1 and 1")
    note = f"observation: {text(space)}, {', '.join(done)}" if done else None
    return Observations(size, encode, note)


def actions(space: Any) -> Actions:
    """Return how the numbers 0 to n - 1 become actions of a space.

    `Discrete` may start anywhere. `MultiDiscrete` and `MultiBinary` have a number for each
    combination, and at most 400 combinations.

    Raises:
        SpaceError: if they do not.
    """
    space = modern(space)
    if isinstance(space, Discrete):
        start = int(space.start)
        names = [f"action {start + number}" for number in range(int(space.n))]
        return Actions(names, int if start == 0 else lambda number: start + int(number), None)
    if isinstance(space, (MultiDiscrete, MultiBinary)):
        choices = space.nvec if isinstance(space, MultiDiscrete) else np.full(space.shape, 2)
        count = int(np.prod(choices, dtype=float))
        if count > MOST_ACTIONS:
            raise SpaceError(
                f"the actions {text(space)} have {count:,} combinations, more than the "
                f"{MOST_ACTIONS} that DQN can try; {_wrap('Action', 'offers fewer')}"
            )
        table = list(itertools.product(*map(range, choices.ravel())))
        return Actions(
            [", ".join(map(str, row)) for row in table],
            lambda number: np.array(table[number], space.dtype).reshape(space.shape),
            f"actions: {text(space)}, as {count} combinations",
        )
    raise SpaceError(
        f"the actions are {text(space)}, and DQN chooses one of a few, Discrete(n); "
        f"{_wrap('Action', 'offers a few of them')}"
    )


def _wrap(kind, does):
    return f"in a file of your own, register a gymnasium.{kind}Wrapper that {does}: see {EXAMPLE}"


def _encoder(space, name, scaled) -> Tuple[int, Callable]:
    """The size of a part of the observation, and the function that returns it as a vector.

    `name` is what messages call the part. To `scaled`, each `Box` appends how many of its
    numbers are scaled.
    """
    if isinstance(space, Box):
        if sum(length >= IMAGE for length in space.shape) >= 2:
            raise SpaceError(
                f"{name} is {text(space)}, an image, and this network has no convolutions; "
                f"{_wrap('Observation', 'takes a few numbers from it')}"
            )
        return _box(space, name, scaled)
    if isinstance(space, Discrete):
        return _one_hot(space, name, np.array([space.n]), int(space.start), ())
    if isinstance(space, MultiDiscrete):
        return _one_hot(space, name, space.nvec.ravel(), 0, space.shape)
    if isinstance(space, MultiBinary):
        return _box(Box(0, 1, tuple(space.shape)), name, scaled)
    if isinstance(space, Dict):
        return _joined(space, name, scaled, list(space.spaces), dict)
    if isinstance(space, gymnasium.spaces.Tuple):
        return _joined(space, name, scaled, range(len(space.spaces)), (tuple, list))
    raise SpaceError(
        f"{name} is {text(space)}, which has no fixed size or is unknown; "
        f"{_wrap('Observation', 'turns it into numbers')}; gymnasium.wrappers.FilterObservation "
        "leaves out a part of a Dict"
    )


def _box(space, name, scaled):
    shape = space.shape
    low, high = space.low.astype(float).ravel(), space.high.astype(float).ravel()
    largest = np.maximum(np.abs(low), np.abs(high))
    far = (largest > FAR) & (largest < NO_BOUND) & (low < high)
    scaled.append(int(far.sum()))
    middle = np.where(far, low / 2 + high / 2, 0.0)
    half = np.where(far, high / 2 - low / 2, 1.0)
    rescale = far.any()

    def convert(value):
        array = _numbers(value, name, space)
        if array.shape != shape:
            raise SpaceError(f"{name} has shape {array.shape}, not the {shape} of its space")
        return ((array.ravel() - middle) / half if rescale else array.ravel()).astype(np.float32)

    def encode(value):  # most are vectors already, and 16 of them come in every timestep
        if type(value) is np.ndarray and value.dtype is FLOAT32 and value.shape == shape:
            return value
        return convert(value)

    return int(np.prod(shape)), convert if rescale or len(shape) != 1 else encode


def _one_hot(space, name, sizes, start, shape):
    offsets = np.concatenate([[0], np.cumsum(sizes[:-1])]).astype(int)
    size = int(sizes.sum())

    def encode(value):
        array = _numbers(value, name, space)
        if shape == () and array.size == 1:
            array = array.reshape(())  # Discrete: an array of one number is as good
        if array.shape != shape:
            raise SpaceError(f"{name} has shape {array.shape}, not the {shape} of its space")
        values = array.ravel().astype(float) - start
        if ((values < 0) | (values >= sizes) | (values % 1 != 0)).any():
            raise SpaceError(f"{name} is {text(value)}, which is not in {text(space)}")
        vector = np.zeros(size, np.float32)
        vector[offsets + values.astype(int)] = 1
        return vector

    return size, encode


def _joined(space, name, scaled, keys, kinds):
    parts = [(key, *_encoder(space[key], f"{name}[{key!r}]", scaled)) for key in keys]

    def encode(value):
        if not isinstance(value, kinds):
            raise SpaceError(f"{name} is {_type(value)}, not {text(space)}")
        if len(value) != len(parts) or (kinds is dict and set(value) != set(keys)):
            came = sorted(map(str, value)) if kinds is dict else len(value)
            promised = sorted(map(str, keys)) if kinds is dict else len(parts)
            raise SpaceError(f"{name} has the parts {came}, not the {promised} of its space")
        return np.concatenate([part(value[key]) for key, _, part in parts])

    return sum(size for _, size, _ in parts), encode


def _numbers(value, name, space):
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise SpaceError(f"{name} is {_type(value)}, not {text(space)}")
    return array


def _type(value):
    return "None" if value is None else f"of type {type(value).__name__}"
