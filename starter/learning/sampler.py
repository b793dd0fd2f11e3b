"""Play many environments in lockstep, and turn what happened into n-step transitions."""

import numpy as np
from ray.rllib.evaluation.metrics import RolloutMetrics
from ray.rllib.offline.input_reader import InputReader
from ray.rllib.policy.sample_batch import SampleBatch

from starter.learning.pilots import Greedy


def lockstep_sampler(context):
    """Return a worker's sampler; None if it has no environments, because other workers play."""
    return LockstepSampler(context.worker) if context.worker.async_env else None


class LockstepSampler(InputReader):
    """Steps all environments of an RLlib worker, and asks the policy once for all actions.

    RLlib's own sampler passes each timestep of each environment through a dozen Python objects;
    this one fills arrays of shape (timesteps, environments, ...). Where a fragment cuts an n-step
    return short, RLlib still discounts the next value by gamma^n. Here the discount follows from
    how many rewards there were.
    """

    def __init__(self, worker):
        config = worker.config
        self._policy = worker.policy_map["default_policy"]
        self.greedy = Greedy(self._policy)
        self._envs = worker.async_env.get_sub_environments()
        self._steps = config.get_rollout_fragment_length()
        self._n_step = config.n_step
        self._gamma = config.gamma
        self._finished = []
        self._observations = np.stack([env.reset() for env in self._envs])
        self._returns = np.zeros(len(self._envs))
        self._lengths = np.zeros(len(self._envs), int)
        worker.sampler = self  # RLlib asks it for the finished episodes

    def get_metrics(self):
        """The episodes that ended since the last call, as RLlib counts them."""
        finished, self._finished = self._finished, []
        return finished

    def next(self):
        """Play a fragment; return a batch with one row per timestep of each environment."""
        shape = (self._steps, len(self._envs))
        observations = np.empty(shape + self._observations.shape[1:], self._observations.dtype)
        next_observations = np.empty_like(observations)
        actions = np.empty(shape, np.int64)
        rewards = np.empty(shape, np.float32)
        ends, terminals = np.zeros((2, *shape), bool)

        for t in range(self._steps):
            observations[t] = self._observations
            best = self.greedy.q_values(self._observations).argmax(axis=1)
            actions[t] = self._policy.exploration.hold(best, self._policy.global_timestep)
            self._policy.global_timestep += len(self._envs)
            results = [env.step(int(action)) for env, action in zip(self._envs, actions[t])]
            next_observations[t], now, ends[t], infos = zip(*results)
            self._observations, rewards[t] = next_observations[t].copy(), now
            self._returns += now
            self._lengths += 1
            for i in np.flatnonzero(ends[t]):
                terminals[t, i] = not infos[i].get("TimeLimit.truncated", False)
                self._finished.append(RolloutMetrics(int(self._lengths[i]), self._returns[i]))
                self._returns[i] = self._lengths[i] = 0
                self._observations[i] = self._envs[i].reset()

        # RLlib's loss multiplies the value of new_obs by gamma^n * (1 - done). A row that spans
        # fewer than n timesteps has another discount, and a done that makes up for that.
        returns, last, discount = n_step(rewards, ends, terminals, self._n_step, self._gamma)
        flat = (-1, *observations.shape[2:])
        return SampleBatch(
            obs=observations.reshape(flat),
            actions=actions.ravel(),
            rewards=returns.ravel(),
            new_obs=next_observations[last, np.arange(len(self._envs))].reshape(flat),
            # "or 1": if gamma is 0, so is every discount.
            dones=(1 - discount / (self._gamma**self._n_step or 1)).ravel().astype(np.float32),
            weights=np.ones(actions.size, np.float32),
        )


def n_step(rewards, ends, terminals, n, gamma):
    """Sum up the rewards of n timesteps, or of fewer where an episode or the fragment ends.

    `rewards`, shape (timesteps, environments), are of each timestep; `ends` says whether an
    episode ended there, and `terminals` whether it did so for good, not by a time limit.
    Return three arrays of that shape: the discounted sum of rewards from each timestep on; the
    timestep of the last reward in it; and the discount of the value of the observation after
    that reward: gamma to the number of rewards, or 0 after a terminal.
    """
    steps = len(rewards)
    sums = rewards.astype(np.float32)
    last = np.repeat(np.arange(steps)[:, None], rewards.shape[1], axis=1)
    discount = np.where(terminals, 0.0, gamma)
    going_on = ~ends
    for k in range(1, n):
        later = np.minimum(np.arange(steps) + k, steps - 1)
        going_on = going_on & (np.arange(steps) + k < steps)[:, None]
        sums = np.where(going_on, sums + np.float32(gamma**k) * rewards[later], sums)
        last = np.where(going_on, later[:, None], last)
        discount = np.where(going_on, np.where(terminals[later], 0.0, gamma ** (k + 1)), discount)
        going_on = going_on & ~ends[later]
    return sums, last, discount
