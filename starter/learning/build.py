"""RLlib in this process alone, without Ray's servers and without pickles."""

from functools import wraps

from ray.experimental.tf_utils import TensorFlowVariables
from ray.rllib.algorithms.dqn import DQN
from ray.rllib.evaluation.metrics import RolloutMetrics
from ray.rllib.policy.sample_batch import DEFAULT_POLICY_ID
from ray.rllib.utils.actor_manager import FaultTolerantActorManager, RemoteCallResults
from ray.rllib.utils.policy import create_policy_for_framework
from ray.tune.logger import NoopLogger

from starter import Problem


def build(config):
    """Build the `Algorithm` of an RLlib config; with worker processes, Ray must run.

    It writes nothing of its own: RLlib would log into the home folder.
    """
    _run_without_ray()
    if config.num_rollout_workers and config.algo_class is DQN:
        from starter.workers.pipelined_dqn import PipelinedDQN

        config.algo_class = PipelinedDQN
    return config.build(logger_creator=lambda settings: NoopLogger(settings, ""))


def build_policy(config, weights):
    """The policy alone of such a config, with a network that has these weights.

    Raises:
        Problem: if the config's network has others.
    """
    env = config.env(config.env_config)
    policy = create_policy_for_framework(
        DEFAULT_POLICY_ID,
        config.algo_class.get_default_policy_class(config),
        config.to_dict(),
        env.observation_space,
        env.action_space,
    )
    env.close()
    _check_shapes(weights, policy.get_weights())
    policy.set_weights(weights)
    return policy


def get_state(algorithm):
    """All of a DQN that `set_state` needs to go on from here.

    RLlib's own `Algorithm.save` leaves out the replay buffer, the target network and where
    the random numbers have come to, and Python must run what it saves to read it again.

    Returns:
        Numpy arrays by name, and a dict of JSON's types.
    """
    policy = algorithm.get_policy()
    buffer = algorithm.local_replay_buffer.get_state()
    arrays = {
        f"{part}/{name}": values
        for part, named in {
            "network": policy.get_weights(),
            "target": _target(policy).get_weights(),
            "optimizer": policy._optimizer_variables.get_weights(),
            "buffer": buffer.pop("columns"),
        }.items()
        for name, values in named.items()
    }
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
        "num_grad_updates": int(policy.num_grad_updates),
        "buffer": buffer,
        "samplers": algorithm.workers.foreach_worker(_sampler_state, healthy_only=True),
    }


def set_state(algorithm, arrays, facts):
    """Let a newly built DQN go on from what `get_state` gave.

    Only the episodes that were in the air are lost: each environment begins a new one. With
    other workers than before, those that are new begin from the seed.

    Raises:
        Problem: if `algorithm` has another network or replay buffer, or it was saved before
            there were workers.
    """
    if "samplers" not in facts:
        raise Problem(
            "the checkpoint's training is an older version's of this project: train anew, "
            "or show its policy with --from-checkpoint alone"
        )
    # Not Algorithm.__setstate__: it would start Ray's servers, to tell no one of it.
    policy = algorithm.get_policy()
    worker = algorithm.workers.local_worker()
    parts = {}
    for name, values in arrays.items():
        part, _, name = name.partition("/")
        parts.setdefault(part, {})[name] = values
    _check_shapes(parts["network"], policy.get_weights())
    buffer = algorithm.local_replay_buffer
    if len(parts["buffer"]["obs"]) > buffer.capacity:
        raise Problem("the checkpoint's replay buffer is larger than main.py's")
    buffer.set_state({**facts["buffer"], "columns": parts["buffer"]})
    worker.set_global_vars({"timestep": facts["learning_rate_timestep"]})
    policy.set_weights(parts["network"])
    _target(policy).set_weights(parts["target"])  # the line above made it equal to the network
    policy._optimizer_variables.set_weights(parts["optimizer"])
    policy.global_timestep = facts["global_timestep"]
    policy.num_grad_updates = facts["num_grad_updates"]
    states = {state["worker"]: state for state in facts["samplers"]}
    algorithm.workers.foreach_worker(lambda worker: _set_sampler_state(worker, states))
    algorithm._counters.update(facts["counters"])
    algorithm._iteration = facts["iteration"]
    algorithm._episodes_total = facts["episodes_total"]
    algorithm._time_total = facts["time_total"]
    algorithm._episode_history = [RolloutMetrics(*episode) for episode in facts["episodes"]]


def _sampler_state(worker):
    """Of the process that learns, too: it has no sampler where others sample for it."""
    return {
        "worker": worker.worker_index,
        "exploration": worker.policy_map[DEFAULT_POLICY_ID].exploration.get_state(),
        "environments": worker.sampler and worker.sampler.get_state(),
    }


def _set_sampler_state(worker, states):
    state = states.get(worker.worker_index)
    if state and worker.sampler and state["environments"]:
        worker.policy_map[DEFAULT_POLICY_ID].exploration.set_state(state["exploration"])
        worker.sampler.set_state(state["environments"])


def _target(policy):
    """The target network's variables, which RLlib counts to no policy's weights."""
    if not hasattr(policy, "_target_variables"):
        with policy.get_session().graph.as_default():
            policy._target_variables = TensorFlowVariables(
                [], policy.get_session(), policy.target_model.variables()
            )
    return policy._target_variables


def _check_shapes(saved, own):
    if {name: a.shape for name, a in saved.items()} != {name: a.shape for name, a in own.items()}:
        raise Problem("the checkpoint's network has other layers than main.py's")


def _run_without_ray():
    """Let an RLlib algorithm without worker processes run without `ray.init()`.

    RLlib 2.2.0 asks Ray to wait for the answers of its remote workers even when
    it has none, and for that alone Ray would have to run: six more processes of
    0.5 GB, which listen on every network interface and take 6 s to start and stop.
    """
    original = FaultTolerantActorManager.foreach_actor
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def foreach_actor(self, *args, **kwargs):
        if self.num_actors() == 0:
            return RemoteCallResults()
        return original(self, *args, **kwargs)

    FaultTolerantActorManager.foreach_actor = foreach_actor
