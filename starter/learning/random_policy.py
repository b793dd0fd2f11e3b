"""The policy that has learned nothing, to compare with."""

import numpy as np


class RandomPolicy:
    """Takes each action equally often; it has learned nothing.

    Args:
        environment: the `Environment` that it acts in.
        seed: the same seed takes the same actions.
    """

    def __init__(self, environment, seed: int):
        self._actions = len(environment.actions)
        self._random = np.random.default_rng(seed)

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Return one action per observation."""
        return self._random.integers(self._actions, size=len(observations))
