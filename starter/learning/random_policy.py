"""The policy that has learned nothing, to compare with."""

import numpy as np


class RandomPolicy:
    """Takes each action equally often.

    Args:
        environment: the `Environment` that it acts in.
        seed: the same seed takes the same actions.
    """

    def __init__(self, environment, seed: int):
        env = environment.make()
        self._actions = int(env.action_space.n)
        env.close()
        self._random = np.random.default_rng(seed)

    def compute_actions(self, observations: np.ndarray, explore: bool = False):
        """Return one action per observation, as an RLlib policy returns them."""
        return self._random.integers(self._actions, size=len(observations)), [], {}
