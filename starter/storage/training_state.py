"""What a DQN needs to resume training, as numbers and words."""

from typing import Any, Dict, Tuple

import numpy as np
from ray.experimental.tf_utils import TensorFlowVariables
from ray.rllib.evaluation.metrics import RolloutMetrics

from starter import Problem
from starter.learning.build import check_shapes

State = Tuple[Dict[str, np.ndarray], Dict[str, Any]]


def get_state(algorithm) -> State:
    """Return the networks, the average, the optimizer, the replay buffer and the counters.

    RLlib's own `Algorithm.save` leaves out the replay buffer and the target network, and writes
    pickles, which run code when they are read.

    Returns:
        Numpy arrays by name, and a dict of JSON types.
    """
    policy = algorithm.get_policy()
    columns, next_row = algorithm.local_replay_buffer.get_state()
    parts = {
        "network": policy.get_weights(),
        "average": algorithm.average,
        "target": _target(policy).get_weights(),
        "optimizer": policy._optimizer_variables.get_weights(),
        "buffer": columns,
    }
    arrays = {f"{part}/{name}": a for part, named in parts.items() for name, a in named.items()}
    return arrays, {
        "counters": {name: int(value) for name, value in algorithm._counters.items()},
        "iteration": algorithm.iteration,
        "episodes_total": algorithm._episodes_total,
        "time_total": algorithm._time_total,
        "episodes": [
            [int(episode.episode_length), float(episode.episode_reward)]
            for episode in algorithm._episode_history
        ],
        "global_timestep": int(policy.global_timestep),
        "learning_rate_timestep": int(algorithm.workers.local_worker().global_vars["timestep"]),
        "next_row": next_row,
    }


def set_state(algorithm, arrays: Dict[str, np.ndarray], facts: Dict[str, Any]) -> None:
    """Put into a newly built DQN what `get_state` returned.

    Each environment starts a new episode, and random numbers start from the seed that
    `algorithm` was built with.

    Raises:
        Problem: if `algorithm` has another network or a smaller replay buffer.
    """
    # Not Algorithm.__setstate__, which would start Ray's servers.
    policy = algorithm.get_policy()
    worker = algorithm.workers.local_worker()
    parts = {}
    for name, values in arrays.items():
        part, _, name = name.partition("/")
        parts.setdefault(part, {})[name] = values
    check_shapes(parts["network"], policy.get_weights())
    buffer = algorithm.local_replay_buffer
    if len(parts["buffer"]["obs"]) > buffer.capacity:
        raise Problem(
            "the checkpoint's replay buffer is larger than main.py's; undo the change of its "
            "capacity, or start a new training"
        )
    buffer.set_state(parts["buffer"], facts["next_row"])
    worker.set_global_vars({"timestep": facts["learning_rate_timestep"]})
    policy.set_weights(parts["network"])
    algorithm.average = parts["average"]
    _target(policy).set_weights(parts["target"])  # the line above overwrote it
    policy._optimizer_variables.set_weights(parts["optimizer"])
    policy.global_timestep = facts["global_timestep"]
    algorithm._counters.update(facts["counters"])
    algorithm._iteration = facts["iteration"]
    algorithm._episodes_total = facts["episodes_total"]
    algorithm._time_total = facts["time_total"]
    algorithm._episode_history = [RolloutMetrics(*episode) for episode in facts["episodes"]]


def _target(policy):
    """The target network's variables, which RLlib leaves out of a policy's weights."""
    if not hasattr(policy, "_target_variables"):
        with policy.get_session().graph.as_default():
            policy._target_variables = TensorFlowVariables(
                [], policy.get_session(), policy.target_model.variables()
            )
    return policy._target_variables
