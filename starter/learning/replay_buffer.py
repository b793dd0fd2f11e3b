"""DQN's replay buffer: the newest transitions in numpy arrays, sampled one batch at a time."""

from typing import Callable, Dict, Optional

import numpy as np
from ray.rllib.policy.sample_batch import DEFAULT_POLICY_ID, SampleBatch
from ray.rllib.utils.replay_buffers import MultiAgentReplayBuffer

# What DQN's loss reads. "weights" are those of prioritized replay, all 1 here.
COLUMNS = ("obs", "actions", "rewards", "new_obs", "dones", "weights")


class ColumnarReplayBuffer(MultiAgentReplayBuffer):
    """A ring of transitions, one array per column.

    RLlib's own buffers keep a Python object per timestep, and return one row per call. Here one
    call returns a whole batch: `FastDQN` sets `batch_size`, and `mirror` to the `Environment`'s.

    Args:
        capacity: number of timesteps to keep; the newest replace the oldest.
        batch_size: number of rows that `sample(1)` returns, drawn with replacement.
        seed: for the draws, independent of every global random state.
        reward_scale: rewards are stored multiplied by this; RLlib's statistics are not affected.
        mirrored: share of the rows that `sample` passes through `mirror`, if there is one.
    """

    def __init__(
        self,
        capacity: int,
        batch_size: int = 1,
        seed: Optional[int] = None,
        reward_scale: float = 1.0,
        mirrored: float = 0.0,
        **kwargs,
    ):
        super().__init__(capacity=capacity, storage_unit="timesteps")
        self.batch_size = batch_size
        self.reward_scale, self.mirrored = reward_scale, mirrored
        self.mirror: Optional[Callable] = None
        self._random = np.random.default_rng(seed)
        self._columns = {}
        self._next = self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, batch, **kwargs) -> None:
        """Append every row of an RLlib batch; once full, overwrite the oldest rows."""
        rows = batch.as_multi_agent()[DEFAULT_POLICY_ID]
        if not self._columns:
            self._columns = {
                name: np.zeros((self.capacity, *rows[name].shape[1:]), rows[name].dtype)
                for name in COLUMNS
            }
        at = (self._next + np.arange(rows.count)) % self.capacity
        for name, column in self._columns.items():
            column[at] = rows[name]
        self._columns["rewards"][at] *= self.reward_scale
        self._next = (self._next + rows.count) % self.capacity
        self._size = min(self._size + rows.count, self.capacity)

    def sample(self, num_items: int, **kwargs):
        """Draw `num_items * batch_size` rows, each row equally likely."""
        at = self._random.integers(self._size, size=num_items * self.batch_size)
        rows = {name: column[at] for name, column in self._columns.items()}
        if self.mirror:
            some = self._random.random(len(at)) < self.mirrored
            actions = rows["actions"][some]
            rows["obs"][some], rows["actions"][some] = self.mirror(rows["obs"][some], actions)
            rows["new_obs"][some], _ = self.mirror(rows["new_obs"][some], actions)
        return SampleBatch(rows).as_multi_agent()

    def get_state(self) -> Dict[str, np.ndarray]:
        """Return the filled rows of each column, the oldest first."""
        at = (self._next - self._size + np.arange(self._size)) % self.capacity
        return {name: column[at] for name, column in self._columns.items()}

    def set_state(self, columns: Dict[str, np.ndarray]) -> None:
        """Restore what `get_state` returned; there must be room for it."""
        for name, saved in columns.items():
            self._size = len(saved)
            self._columns[name] = np.zeros((self.capacity, *saved.shape[1:]), saved.dtype)
            self._columns[name][: self._size] = saved
        self._next = self._size % self.capacity
