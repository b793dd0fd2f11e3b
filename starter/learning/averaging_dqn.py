"""DQN that makes a fragment's updates in one call of TensorFlow, and averages its weights."""

from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator

import numpy as np
from ray.rllib.algorithms.dqn import DQN, DQNConfig
from ray.rllib.algorithms.dqn.dqn_tf_policy import build_q_losses, clip_gradients
from ray.rllib.policy.sample_batch import DEFAULT_POLICY_ID, SampleBatch
from ray.rllib.policy.tf_policy import TFPolicy
from ray.rllib.utils.framework import try_import_tf
from ray.rllib.utils.metrics import (
    LAST_TARGET_UPDATE_TS,
    NUM_AGENT_STEPS_SAMPLED,
    NUM_AGENT_STEPS_TRAINED,
    NUM_ENV_STEPS_SAMPLED,
    NUM_ENV_STEPS_TRAINED,
    NUM_TARGET_UPDATES,
)

from starter.learning.acting import prepared
from starter.learning.replay_buffer import COLUMNS

tf1, tf, _ = try_import_tf()


class AveragingDQNConfig(DQNConfig):
    """RLlib's settings for DQN, and one more.

    Args:
        average_share: how much of the newest weights enters the average after each fragment.
    """

    def __init__(self, algo_class=None, average_share: float = 0.2):
        super().__init__(algo_class or AveragingDQN)
        self.average_share = average_share


class AveragingDQN(DQN):
    """RLlib's DQN, loss and optimizer, with updates that take less than half the time.

    RLlib's `train_one_step` spends more time on calling TensorFlow than TensorFlow on the
    network. Here, all updates that follow a fragment are one call: a loop in TensorFlow's graph,
    which results in the same weights to the bit.

    Attributes:
        average: the exponential average of the weights, by name. From fragment to fragment a
            policy learns to fly and forgets it again; the average does so far less.
    """

    def setup(self, config) -> None:
        super().setup(config)
        self.local_replay_buffer.batch_size = self.config.train_batch_size
        self._update = updates(self.get_policy(), self.config.train_batch_size)
        self.average = self.get_policy().get_weights()

    def next_fragment(self) -> SampleBatch:
        """Play a fragment in each environment."""
        return self.workers.local_worker().sample()

    def training_step(self) -> Dict[str, Any]:
        """Play a fragment, then learn from `training_intensity` times as many timesteps."""
        batch = self.next_fragment()
        counters, policy = self._counters, self.get_policy()
        self.local_replay_buffer.add(batch)
        counters[NUM_AGENT_STEPS_SAMPLED] += batch.count
        counters[NUM_ENV_STEPS_SAMPLED] += batch.count
        timestep = counters[NUM_ENV_STEPS_SAMPLED]
        if timestep <= self.config.num_steps_sampled_before_learning_starts:
            return {}
        rows = self.config.training_intensity * batch.count
        count = max(round(rows / self.config.train_batch_size), 1)
        rows = self.local_replay_buffer.sample(count)
        statistics = self._update(rows.policy_batches[DEFAULT_POLICY_ID])
        counters[NUM_ENV_STEPS_TRAINED] += rows.count
        counters[NUM_AGENT_STEPS_TRAINED] += rows.count
        share = np.float32(self.config.average_share)
        for name, values in policy.get_weights().items():
            self.average[name] += share * (values - self.average[name])
        if timestep - counters[LAST_TARGET_UPDATE_TS] >= self.config.target_network_update_freq:
            policy.update_target()
            counters[NUM_TARGET_UPDATES] += 1
            counters[LAST_TARGET_UPDATE_TS] = timestep
        self.workers.local_worker().set_global_vars({"timestep": timestep})
        return {DEFAULT_POLICY_ID: statistics}

    @contextmanager
    def averaged(self) -> Iterator[TFPolicy]:
        """Lend the policy with the averaged weights; learning continues with its own."""
        policy = self.get_policy()
        own = policy.get_weights()
        TFPolicy.set_weights(policy, self.average)  # DQN's would set the target network's, too
        try:
            yield policy
        finally:
            TFPolicy.set_weights(policy, own)


def updates(policy, batch_size: int) -> Callable[[Dict[str, np.ndarray]], Dict[str, Any]]:
    """Return a function that does what `train_one_step` does, for one batch after the other.

    It takes columns with `batch_size` rows per update, and returns RLlib's statistics of the
    last update.
    """
    session = policy.get_session()
    with session.graph.as_default():
        columns = {}
        for name in COLUMNS:
            shape = policy.observation_space.shape if name in ("obs", "new_obs") else ()
            dtype = policy._loss_input_dict[name].dtype
            columns[name] = tf1.placeholder(dtype, [None, batch_size, *shape])
        count = tf.shape(columns["obs"])[0]
        original = policy.q_loss

        def update(number, *_):
            batch = {name: rows[number] for name, rows in columns.items()}
            loss = build_q_losses(policy, policy.model, None, batch)
            optimizer = policy._optimizers[0]
            done = optimizer.apply_gradients(clip_gradients(policy, optimizer, loss))
            with tf1.control_dependencies([done]):
                return number + 1, policy.q_loss.td_error, policy.q_loss.stats["mean_q"]

        # With more parallel iterations, an update would start before the one before it has ended.
        _, *statistics = tf1.while_loop(
            lambda number, *_: number < count,
            update,
            (tf.constant(0), tf.zeros(batch_size), tf.constant(0.0)),
            parallel_iterations=1,
            back_prop=False,
        )
        policy.q_loss = original  # which RLlib's own update reads
    call = prepared(session, statistics, list(columns.values()))

    def run(rows):
        td_error, mean_q = call(
            *(rows[name].reshape(-1, batch_size, *rows[name].shape[1:]) for name in columns)
        )
        return {"td_error": td_error, "learner_stats": {"mean_q": mean_q}}

    return run
