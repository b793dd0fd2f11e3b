"""Observations of any space as vectors, and numbers from 0 as actions of any space."""

from math import isfinite
from typing import Any, Callable, List, Optional, Tuple

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete
from gymnasium.spaces.utils import flatten, flatten_space

from starter.environments.blame import Invalid, shorten

FAR = 100.0  # numbers with a larger bound are scaled; the lander's are 90, but it stays near 1
NO_BOUND = 1e9  # a larger bound means none, such as CartPole's 3.4e38
MOST_NUMBERS = 4_000  # the replay buffer holds 100,000 observations: of these, 1.6 GB
MOST_ACTIONS = 400
WRAP = "wrap it in a gymnasium.%sWrapper, as examples/torques.py does"


def observations(space: gymnasium.Space) -> Tuple[int, Callable, Optional[str]]:
    """Return how observations become vectors: flattened as by gymnasium, then scaled.

    A number of a `Box` with two bounds, one of them beyond 100, is scaled from them to -1 and 1.
    Return how many numbers a vector has; a function that returns an observation as a new array of
    shape (size,) and type float32; and a line that says what was done, or None. Both this and
    that function raise `Invalid`, for a space or an observation that does not fit.
    """
    flattened, bounds = _flattener(space, "the observation"), flatten_space(space)
    (size,) = bounds.shape
    if size > MOST_NUMBERS:
        raise Invalid(
            f"the observation {shorten(space)} has {size:,} numbers, more than the "
            f"{MOST_NUMBERS:,} that the replay buffer has room for; {WRAP % 'Observation'}"
        )
    low, high = bounds.low.astype(float), bounds.high.astype(float)
    largest = np.maximum(abs(low), abs(high))
    far = (largest > FAR) & (largest < NO_BOUND) & (low < high)
    low, high = np.where(far, [low, high], [[-1.0], [1.0]])  # the others stay as they are
    middle, half, scaled = (low + high) / 2, (high - low) / 2, far.any()

    def encode(observation: Any) -> np.ndarray:
        flat = flattened(observation)
        vector = ((flat - middle) / half if scaled else flat).astype(np.float32)
        # The dot product is fast, and finite unless a number is infinite, NaN or enormous.
        if not (isfinite(vector.dot(vector)) or np.isfinite(vector).all()):
            raise Invalid(f"the observation {shorten(observation)} is not all finite numbers")
        return vector

    is_vector = isinstance(space, Box) and len(space.shape) == 1
    done = [] if is_vector else [f"flattened to {size} numbers"]
    if scaled:
        done.append(f"{far.sum()} of {size} numbers scaled by their bounds to -1 and 1")
    return size, encode, ", ".join([f"observation: {shorten(space)}", *done]) if done else None


def _flattener(space, name):
    """Return a function that flattens an observation, and refuses what gymnasium gets wrong."""
    if isinstance(space, (Dict, gymnasium.spaces.Tuple)):
        keys = space.spaces if isinstance(space, Dict) else range(len(space.spaces))
        parts = {key: _flattener(space[key], f"{name}[{key!r}]") for key in keys}

        def flattened(value):
            try:
                return np.concatenate([part(value[key]) for key, part in parts.items()])
            except (TypeError, LookupError):
                raise Invalid(f"{name} is {shorten(repr(value))}, not in {space}") from None

        return flattened
    if not isinstance(space, (Box, Discrete, MultiDiscrete, MultiBinary)):
        raise Invalid(
            f"{name} is {shorten(space)} of {type(space).__module__}, not a Box, Discrete, "
            "MultiDiscrete or MultiBinary of gymnasium.spaces; "
            "gymnasium.wrappers.FilterObservation leaves out a part of a Dict"
        )

    def flattened(value):
        array = np.asarray(value)
        if array.dtype.kind not in "fiub" or array.shape != space.shape:
            kind = f"shape {array.shape} and type {array.dtype}"
            raise Invalid(f"{name} has {kind}, but its space is {shorten(space)}")
        if isinstance(space, Box):  # values beyond its bounds are learned, too
            return array.ravel()
        whole = array.astype(space.dtype)
        if (whole != array).any() or not space.contains(whole):
            raise Invalid(f"{name} is {shorten(value)}, not in {shorten(space)}")
        return flatten(space, whole)

    return flattened


def actions(space: gymnasium.Space) -> Tuple[List[str], Callable, Optional[str]]:
    """Return how the numbers 0 to n - 1 become actions, one for each combination.

    That is a name for each action, a function from a number to its action, and a line that says
    what was done, or None. Raise `Invalid` if the space cannot be learned, or has more than 400.
    """
    if isinstance(space, Discrete):
        start = int(space.start)
        names = [f"action {start + number}" for number in range(int(space.n))]
        return names, lambda number: start + int(number), None
    count = np.inf
    if isinstance(space, (MultiDiscrete, MultiBinary)):
        choices = space.nvec if isinstance(space, MultiDiscrete) else np.full(space.shape, 2)
        count = np.prod(choices, dtype=float)
    if count > MOST_ACTIONS:
        raise Invalid(
            f"the actions are {shorten(space)} of {type(space).__module__}, and DQN chooses one "
            f"of a few, such as gymnasium.spaces.Discrete(n), or of at most {MOST_ACTIONS} "
            f"combinations; {WRAP % 'Action'}"
        )
    table = np.array(list(np.ndindex(*choices.ravel())), space.dtype)
    names = [", ".join(map(str, row)) for row in table]
    note = f"actions: {shorten(space)}, as {len(table)} combinations"
    return names, lambda number: table[number].reshape(space.shape).copy(), note
