"""Observations of any space as vectors, and numbers from 0 as actions of any space."""

from typing import Any, Callable, List, Optional, Tuple

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete
from gymnasium.spaces.utils import flatten, flatten_space

from starter.environments.blame import Invalid

FAR = 100.0  # numbers with a larger bound are scaled; the lander's are 90, but it stays near 1
NO_BOUND = 1e9  # a larger bound means none, such as CartPole's 3.4e38
MOST_NUMBERS = 4_000  # the replay buffer holds 100,000 observations: of these, 1.6 GB
MOST_ACTIONS = 400
WRAP = "wrap it in a gymnasium.%sWrapper, as examples/torques.py does"


def shorten(value: Any) -> str:
    """Return a space or a value in one line of at most 200 characters."""
    words = " ".join(str(value).split())
    return words if len(words) <= 200 else f"{words[:197]}..."


def observations(space: gymnasium.Space) -> Tuple[int, Callable, Optional[str]]:
    """Return how observations become vectors: gymnasium's `flatten`, then scaled.

    A number of a `Box` with two bounds, one of them beyond 100, is scaled from them to -1 and 1.

    Returns:
        How many numbers a vector has; a function that returns an observation as a new array of
        shape (size,) and type float32, and raises Invalid if its shape or type is not the
        space's, or its numbers are not finite; and a line that says what was done, or None.

    Raises:
        Invalid: if the space is not one of those that can be learned.
    """
    for name, part in _parts(space, "the observation"):
        if not isinstance(part, (Box, Discrete, MultiDiscrete, MultiBinary)):
            raise Invalid(
                f"{name} is {shorten(part)} of {type(part).__module__}, and not one of "
                "gymnasium.spaces that holds a fixed number of numbers; "
                "gymnasium.wrappers.FilterObservation leaves out a part of a Dict"
            )
    flat = flatten_space(space)
    (size,) = flat.shape
    if size > MOST_NUMBERS:
        raise Invalid(
            f"the observation {shorten(space)} has {size:,} numbers, more than the "
            f"{MOST_NUMBERS:,} that the replay buffer has room for; {WRAP % 'Observation'}"
        )
    low, high = flat.low.astype(float), flat.high.astype(float)
    largest = np.maximum(abs(low), abs(high))
    far = (largest > FAR) & (largest < NO_BOUND) & (low < high)
    middle, half = np.where(far, low / 2 + high / 2, 0.0), np.where(far, high / 2 - low / 2, 1.0)
    shape, scaled = space.shape, far.any()
    vector = isinstance(space, Box) and len(shape) == 1
    as_it_is, kind = vector and not scaled, (shape, np.dtype(np.float32))

    def encode(value):
        # Most are vectors of float32 already, and each timestep brings one.
        if as_it_is and type(value) is np.ndarray and (value.shape, value.dtype) == kind:
            encoded = value.copy()
        else:
            flat = _flat(space, value, "the observation")
            encoded = ((flat - middle) / half if scaled else flat).astype(np.float32)
        if not np.isfinite(encoded).all():
            raise Invalid(f"the observation {shorten(value)} is not all finite numbers")
        return encoded

    done = [] if vector else [f"flattened to {size} numbers"]
    if scaled:
        some = "" if far.all() else f"{far.sum()} of them "
        done.append(f"{some}scaled by the bounds to -1 and 1")
    return size, encode, ", ".join([f"observation: {shorten(space)}", *done]) if done else None


def actions(space: gymnasium.Space) -> Tuple[List[str], Callable, Optional[str]]:
    """Return how the numbers 0 to n - 1 become actions.

    `Discrete` may start anywhere. `MultiDiscrete` and `MultiBinary` have a number for each
    combination, and at most 400 combinations.

    Returns:
        A name for each action; a function that returns the action of a number; and a line that
        says what was done, or None.

    Raises:
        Invalid: if the space is not one of those that can be learned.
    """
    if isinstance(space, Discrete):
        start = int(space.start)
        names = [f"action {start + number}" for number in range(int(space.n))]
        return names, lambda number: start + int(number), None
    if not isinstance(space, (MultiDiscrete, MultiBinary)):
        raise Invalid(
            f"the actions are {shorten(space)} of {type(space).__module__}, and DQN chooses one "
            f"of a few, gymnasium.spaces.Discrete(n); {WRAP % 'Action'}"
        )
    choices = space.nvec if isinstance(space, MultiDiscrete) else np.full(space.shape, 2)
    count = int(np.prod(choices, dtype=float))
    if count > MOST_ACTIONS:
        raise Invalid(
            f"the actions {shorten(space)} have {count:,} combinations, more than the "
            f"{MOST_ACTIONS} that DQN can try; {WRAP % 'Action'}"
        )
    table = np.array(list(np.ndindex(*choices.ravel())), space.dtype)
    names = [", ".join(map(str, row)) for row in table]
    note = f"actions: {shorten(space)}, as {count} combinations"
    return names, lambda number: table[number].reshape(space.shape).copy(), note


def _items(space):
    """The parts of a Dict or a Tuple by their keys; None for any other space."""
    if isinstance(space, gymnasium.spaces.Tuple):
        return dict(enumerate(space.spaces))
    return space.spaces if isinstance(space, Dict) else None


def _parts(space, name):
    """Yield the spaces of numbers that a space is made from, and what messages call them."""
    parts = _items(space)
    if parts is None:
        yield name, space
    else:
        for key, part in parts.items():
            yield from _parts(part, f"{name}[{key!r}]")


def _flat(space, value, name):
    """Return what `flatten` does; refuse values that it would turn into wrong ones."""
    parts = _items(space)
    if parts is not None:
        given = dict(enumerate(value)) if isinstance(value, (tuple, list)) else value
        if not isinstance(given, dict) or given.keys() != parts.keys():
            raise Invalid(f"{name} is {shorten(repr(value))}, which is not in {shorten(space)}")
        each = [_flat(part, given[key], f"{name}[{key!r}]") for key, part in parts.items()]
        return np.concatenate(each)
    array = np.asarray(value)
    if isinstance(space, Discrete) and array.size == 1:
        array = array.reshape(())
    if array.dtype.kind not in "fiub" or array.shape != space.shape:
        kind = f"shape {array.shape} and type {array.dtype}"
        raise Invalid(f"{name} has {kind}, and its space is {shorten(space)}")
    if isinstance(space, Box):  # values beyond its bounds are learned, too
        return array.ravel()
    whole = array.astype(space.dtype)
    if (whole != array).any() or not space.contains(whole):
        raise Invalid(f"{name} is {shorten(value)}, which is not in {shorten(space)}")
    return flatten(space, whole)
