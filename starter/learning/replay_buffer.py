"""DQN's memory: the newest transitions in numpy arrays, sampled a batch at a time."""

import numpy as np
from ray.rllib.policy.sample_batch import DEFAULT_POLICY_ID, SampleBatch
from ray.rllib.utils.replay_buffers import MultiAgentReplayBuffer

# What DQN's loss reads of each row. RLlib fills in "weights"; they are all 1 here.
COLUMNS = ("obs", "actions", "rewards", "new_obs", "dones", "weights")


class ColumnarReplayBuffer(MultiAgentReplayBuffer):
    """A ring of transitions, one array per column.

    RLlib's own buffers keep a Python object for each timestep, and RLlib builds
    a training batch from one `sample(1)` call for each row. Here one call gathers
    a whole batch: set `batch_size` to DQN's `train_batch_size`.

    Args:
        capacity: how many timesteps to keep; the oldest make room for the newest.
        batch_size: how many rows each `sample` gives, drawn with replacement.
        seed: seeds the draws, apart from every global random state.
        reward_scale: rewards are kept times this, to suit the size of the network's
            first guesses; what RLlib reports is not touched.

    Raises:
        ValueError: from `sample`, if nothing was added yet.
    """

    def __init__(self, capacity, batch_size, seed=None, reward_scale=1.0, **kwargs):
        super().__init__(capacity=capacity, storage_unit="timesteps")
        self.batch_size = batch_size
        self.reward_scale = reward_scale
        self._random = np.random.default_rng(seed)
        self._columns = {}
        self._next = 0
        self._size = 0

    def __len__(self):
        return self._size

    def add(self, batch, **kwargs):
        """Append every row of an RLlib batch, over the oldest rows once full."""
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

    def sample(self, num_items, **kwargs):
        """Draw `num_items` batches' worth of rows, each row equally likely."""
        if not self._size:
            raise ValueError("nothing to sample: the replay buffer is empty")
        at = self._random.integers(self._size, size=num_items * self.batch_size)
        rows = {name: column[at] for name, column in self._columns.items()}
        return SampleBatch(rows).as_multi_agent()

    def get_state(self):
        """All that `set_state` needs to go on from here, the state of the draws included."""
        return {
            "columns": {name: column[: self._size] for name, column in self._columns.items()},
            "next": self._next,
            "random": self._random.bit_generator.state,
        }

    def set_state(self, state):
        """Take over what `get_state` gave, from a buffer of the same capacity."""
        self._columns = {}
        self._size = 0
        for name, saved in state["columns"].items():
            self._size = len(saved)
            self._columns[name] = np.zeros((self.capacity, *saved.shape[1:]), saved.dtype)
            self._columns[name][: self._size] = saved
        self._next = state["next"]
        self._random.bit_generator.state = state["random"]
