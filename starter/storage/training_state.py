"""What a DQN needs to resume training, as numbers and text."""

from typing import Any, Dict, Tuple

import numpy as np
from ray.rllib.evaluation.metrics import RolloutMetrics
from ray.rllib.policy.tf_policy import TFPolicy

from starter import Problem
from starter.learning.build import check_shapes


def get_state(algorithm) -> Tuple[Dict[str, np.ndarray], Dict[str, Any]]:
    """Return arrays by name (networks, average, optimizer, replay buffer), and counters.

    The counters are a dict of JSON types. RLlib's own `Algorithm.save` leaves out the replay
    buffer and the target network, and writes pickles, which run code when they are read.
    """
    policy = algorithm.get_policy()
    parts = {
        "network": policy.get_weights(),
        "average": algorithm.average,
        "target": policy.get_session().run(_target(policy)),
        "optimizer": policy._optimizer_variables.get_weights(),
        "buffer": algorithm.local_replay_buffer.get_state(),
    }
    arrays = {f"{part}/{name}": a for part, named in parts.items() for name, a in named.items()}
    return arrays, {
        "counters": dict(algorithm._counters),
        "iteration": algorithm.iteration,
        "episodes_total": algorithm._episodes_total,
        "time_total": algorithm._time_total,
        "episodes": [[e.episode_length, e.episode_reward] for e in algorithm._episode_history],
    }


def set_state(algorithm, arrays: Dict[str, np.ndarray], facts: Dict[str, Any]) -> None:
    """Put what `get_state` returned into a newly built DQN.

    Each environment starts a new episode, and random numbers start from the seed of `algorithm`.
    RLlib's own `Algorithm.__setstate__` would start Ray's servers. Raise a `Problem` if
    `algorithm` has another network or a smaller replay buffer.
    """
    parts = {}
    for name, values in arrays.items():
        part, _, name = name.partition("/")
        parts.setdefault(part, {})[name] = values
    policy, buffer = algorithm.get_policy(), algorithm.local_replay_buffer
    check_shapes(parts["network"], policy.get_weights())
    saved = len(parts["buffer"]["obs"])
    if saved > buffer.capacity:
        raise Problem(
            f"the checkpoint's replay buffer holds {saved:,} timesteps, more than the capacity of "
            f"{buffer.capacity:,} here; raise that, or start a new training"
        )
    buffer.set_state(parts["buffer"])
    TFPolicy.set_weights(policy, parts["network"])  # DQN's would set the target network's, too
    for name, variable in _target(policy).items():
        variable.load(parts["target"][name], policy.get_session())
    policy._optimizer_variables.set_weights(parts["optimizer"])
    # What epsilon and the learning rate depend on.
    timestep = facts["counters"]["num_env_steps_sampled"]
    algorithm.workers.local_worker().set_global_vars({"timestep": timestep})
    algorithm.average = parts["average"]
    algorithm._counters.update(facts["counters"])
    algorithm._iteration = facts["iteration"]
    algorithm._episodes_total = facts["episodes_total"]
    algorithm._time_total = facts["time_total"]
    algorithm._episode_history = [RolloutMetrics(*episode) for episode in facts["episodes"]]


def _target(policy):
    """Return the target network's variables by name; a policy's weights do not include them."""
    return {variable.op.name: variable for variable in policy.target_model.variables()}
