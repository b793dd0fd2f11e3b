"""Random actions that last long enough to lead somewhere."""

import numpy as np
from ray.rllib.utils.exploration.exploration import Exploration
from ray.rllib.utils.framework import try_import_tf

tf, _, _ = try_import_tf()


class TemporallyExtendedEpsilonGreedy(Exploration):
    """Epsilon-greedy, but a random action is held for some timesteps.

    The greedy actions after a single random one soon undo it. Held for a while, it leads to
    states that the policy would not have reached. After Dabney, Ostrovski and Barreto,
    "Temporally-Extended epsilon-Greedy Exploration", arXiv:2006.01782. They draw the number of
    timesteps from a heavy-tailed distribution; here it is uniform.

    `epsilon` is the share of all timesteps that random actions take, as points
    `(timestep, share)` with straight lines between them. A random action is held for `seconds`
    at most, and for one timestep at least.
    """

    def __init__(self, *args, epsilon, seconds=0.0, timesteps_per_second=1.0, **kwargs):
        super().__init__(*args, **kwargs)
        self._timesteps, self._shares = zip(*epsilon)
        self._longest = max(round(seconds * timesteps_per_second), 1)
        seed = self.policy_config["seed"]
        self._random = np.random.default_rng(seed and [seed, self.worker_index])
        self._left = self._held = np.zeros(0, np.int64)  # timesteps, and the action, of each env

    def get_exploration_action(self, *, action_distribution, timestep, explore=True):
        """Return the greedy actions, in TensorFlow's graph; the sampler passes them to `hold`."""
        greedy = action_distribution.deterministic_sample()
        return greedy, tf.zeros_like(greedy, tf.float32)

    def hold(self, greedy, timestep):
        """Replace some of the `greedy` actions, shape (environments,), by random ones."""
        count = len(greedy)
        if count != len(self._left):
            self._left = self._held = np.zeros(count, np.int64)
        epsilon, mean_length = self.epsilon(timestep), (1 + self._longest) / 2
        # So often that random actions, which last that long, take `epsilon` of all timesteps.
        chance = epsilon / (epsilon + mean_length * (1 - epsilon))
        begins = (self._left == 0) & (self._random.random(count) < chance)
        lengths = self._random.integers(1, self._longest + 1, size=count)
        actions = self._random.integers(self.action_space.n, size=count)
        self._left = np.where(begins, lengths, self._left)
        self._held = np.where(begins, actions, self._held)
        mixed = np.where(self._left > 0, self._held, greedy)
        self._left = np.maximum(self._left - 1, 0)
        return mixed

    def epsilon(self, timestep):
        """The share of random actions at that timestep."""
        return float(np.interp(timestep, self._timesteps, self._shares))
