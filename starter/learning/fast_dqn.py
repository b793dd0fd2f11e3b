"""RLlib's DQN, which trains some 100 times as fast here, and its settings."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, Optional

import numpy as np
from ray.rllib.algorithms.dqn import DQN, DQNConfig
from ray.rllib.algorithms.dqn.dqn_tf_policy import build_q_losses, clip_gradients
from ray.rllib.policy.sample_batch import DEFAULT_POLICY_ID, SampleBatch
from ray.rllib.utils.framework import try_import_tf
from ray.rllib.utils.metrics import (
    LAST_TARGET_UPDATE_TS,
    NUM_ENV_STEPS_SAMPLED,
    NUM_ENV_STEPS_TRAINED,
)

from starter import Problem
from starter.learning.adapter import GymnasiumAdapter
from starter.learning.build import build
from starter.learning.exploration import TemporallyExtendedEpsilonGreedy
from starter.learning.pilots import Greedy, prepare
from starter.learning.replay_buffer import COLUMNS, ColumnarReplayBuffer
from starter.learning.sampler import lockstep_sampler

tf1, tf, _ = try_import_tf()
ONE_THREAD = {"intra_op_parallelism_threads": 1, "inter_op_parallelism_threads": 1}


class FastDQNConfig(DQNConfig):
    """RLlib's settings for DQN, with the parts that make it fast.

    The sampler, the exploration, the replay buffer and the updates work together. None of them can
    be replaced by RLlib's own: `validate` refuses that before training starts. `seed` is a number,
    or several.
    """

    def __init__(self, environment=None, seed=0, algo_class=None):
        super().__init__(algo_class or FastDQN)
        self.ema_decay = self.margin = 0.0
        # RLlib takes 0 for "no seed", and seeds the environments with seed, seed + 1, and so on.
        # Spread over 1 to 2**31, so that two runs hardly ever share the seed of an environment.
        spread_seed = 1 + int(np.random.SeedSequence(seed).generate_state(1)[0] >> 1)
        # RLlib's own check of the environment would play some timesteps beforehand.
        self.environment(GymnasiumAdapter, disable_env_checking=True)
        exploration = {"type": TemporallyExtendedEpsilonGreedy, "epsilon": [(0, 0.1)]}
        if environment:
            self.environment(env_config=environment.config)
            exploration["timesteps_per_second"] = environment.timesteps_per_second
        self.debugging(seed=spread_seed, log_level="ERROR")
        self.rollouts(num_rollout_workers=0)
        self.offline_data(input_=lockstep_sampler)  # RLlib calls any other sampler offline data
        self.exploration(exploration_config=exploration)
        buffer = {"type": ColumnarReplayBuffer, "capacity": 50_000, "seed": spread_seed}
        self.training(replay_buffer_config=buffer)
        self.reporting(min_time_s_per_iteration=None)
        self.framework("tf", tf_session_args=ONE_THREAD, local_tf_session_args=ONE_THREAD)
        self.simple_optimizer = True  # the default one is for GPUs

    def training(self, **settings) -> "FastDQNConfig":
        """Set RLlib's training settings; see `FastDQN` for `ema_decay`, `Greedy` for `margin`."""
        for name in settings.keys() & {"ema_decay", "margin"}:
            setattr(self, name, settings.pop(name))
        return super().training(**settings)

    def build(self, **kwargs) -> "FastDQN":
        """Return a `FastDQN` that has learned nothing yet."""
        return build(super(), **kwargs)

    def validate(self) -> None:
        """Raise a Problem if a part is RLlib's own, or a number makes no sense."""
        parts = (self.exploration_config["type"], self.replay_buffer_config["type"], self.input_)
        own = (TemporallyExtendedEpsilonGreedy, ColumnarReplayBuffer, lockstep_sampler)
        if parts != own or self.framework_str != "tf":
            raise Problem(
                "this DQN needs its own exploration, replay buffer and sampler, and the framework "
                "tf; leave those settings out, or use RLlib's DQNConfig for all of it"
            )
        if not 0 <= self.gamma <= 1:
            raise Problem(f"gamma is {self.gamma}, but a discount must be from 0 to 1")
        if not 0 <= self.ema_decay < 1:
            raise Problem(f"ema_decay is {self.ema_decay}, but it must be at least 0 and below 1")
        if not 0 <= self.margin < np.inf:
            raise Problem(f"margin is {self.margin}, but it must be a number of at least 0")
        super().validate()


class FastDQN(DQN):
    """RLlib's DQN with its loss and its optimizer, in fewer calls.

    RLlib's `train_one_step` spends more time on calling TensorFlow than TensorFlow spends on the
    network. Here one call makes all updates that follow a fragment, in a loop in TensorFlow's
    graph. It takes less than half the time, and gives the same weights to the bit. It runs in a
    thread, while the main thread plays the next fragment with the weights from before the updates.

    `average`, the exponential moving average of the weights by name, is steadier than the newest
    weights, which may fly well after one fragment and badly after the next. `greedy` uses it.
    """

    def setup(self, config) -> None:
        super().setup(config)
        buffer, env = self.local_replay_buffer, self.config.env_config["environment"]
        buffer.batch_size, buffer.mirror = self.config.train_batch_size, env.mirror
        self.greedy = Greedy(self.get_policy(), env.mirror, self.config.margin * env.idle)
        self._update = updates(self.get_policy(), self.config.train_batch_size)
        self.average = self.get_policy().get_weights()
        self._ahead: Optional[SampleBatch] = None  # the fragment played during the last updates

    def next_fragment(self, weights: Dict[str, np.ndarray]) -> SampleBatch:
        """Play a fragment, some timesteps of each environment, with these weights, by name."""
        worker = self.workers.local_worker()
        worker.sampler.greedy.use(weights)
        return worker.sample()

    def training_step(self) -> Dict[str, Any]:
        """Learn from `training_intensity` times as many timesteps as a fragment has."""
        counters, policy = self._counters, self.get_policy()
        weights = policy.get_weights()
        batch = self._ahead or self.next_fragment(weights)
        self.local_replay_buffer.add(batch)
        counters[NUM_ENV_STEPS_SAMPLED] += batch.count
        timestep = counters[NUM_ENV_STEPS_SAMPLED]
        if timestep <= self.config.num_steps_sampled_before_learning_starts:
            return {}
        # None, RLlib's default, is one update after each fragment.
        replayed = (self.config.training_intensity or 0) * batch.count
        count = max(round(replayed / self.config.train_batch_size), 1)
        batches = self.local_replay_buffer.sample(count)
        self.workers.local_worker().set_global_vars({"timestep": timestep})
        with ThreadPoolExecutor(1) as thread:  # TensorFlow computes on a core of its own
            learning = thread.submit(self._update, batches.policy_batches[DEFAULT_POLICY_ID])
            self._ahead = self.next_fragment(weights)
        statistics = learning.result()
        counters[NUM_ENV_STEPS_TRAINED] += batches.count
        newest, share = policy.get_weights(), np.float32(1 - self.config.ema_decay)
        self.average = {n: old + share * (newest[n] - old) for n, old in self.average.items()}
        self.greedy.use(self.average)
        if timestep - counters[LAST_TARGET_UPDATE_TS] >= self.config.target_network_update_freq:
            policy.update_target()
            counters[LAST_TARGET_UPDATE_TS] = timestep
        return {DEFAULT_POLICY_ID: statistics}


def updates(policy, batch_size: int) -> Callable[[Dict[str, np.ndarray]], Dict[str, Any]]:
    """Return a function that does what `train_one_step` does, for several batches in turn.

    It takes columns with `batch_size` rows per update; it returns the last update's statistics.
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
                mean_q = policy.q_loss.stats.get("mean_q", tf.constant(np.nan))  # none with atoms
                return number + 1, policy.q_loss.td_error, mean_q

        # In parallel, an update would start before the previous one has ended.
        _, *statistics = tf1.while_loop(
            lambda number, *_: number < count,
            update,
            (tf.constant(0), tf.zeros(batch_size), tf.constant(0.0)),
            parallel_iterations=1,
            back_prop=False,
        )
        policy.q_loss = original  # which RLlib's own update reads
    call = prepare(session, statistics, list(columns.values()))

    def run(rows):
        td_error, mean_q = call(
            *(rows[name].reshape(-1, batch_size, *rows[name].shape[1:]) for name in columns)
        )
        return {"td_error": td_error, "learner_stats": {"mean_q": mean_q}}

    return run
