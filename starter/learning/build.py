"""An RLlib algorithm, or a policy alone, from a config."""

import signal
from contextlib import suppress
from typing import Dict

import numpy as np
from ray.rllib.policy.sample_batch import DEFAULT_POLICY_ID
from ray.rllib.utils.actor_manager import FaultTolerantActorManager, RemoteCallResults
from ray.rllib.utils.policy import create_policy_for_framework
from ray.tune.logger import NoopLogger

from starter import Problem, terminate

# RLlib 2.2.0 asks Ray for the answers of its remote workers even when it has none. For that alone
# Ray would have to run: six more processes of 0.5 GB in all, which listen on every network
# interface and take 6 s to start and to stop.
_ask_workers = FaultTolerantActorManager.foreach_actor


def _foreach_actor(self, *args, **kwargs):
    return _ask_workers(self, *args, **kwargs) if self.num_actors() else RemoteCallResults()


FaultTolerantActorManager.foreach_actor = _foreach_actor
with suppress(ValueError):  # in a thread, such as a trial's of Ray Tune
    signal.signal(signal.SIGTERM, terminate)  # after Ray's import, which sets a handler


def build(config, **options):
    """Build the `Algorithm` of an RLlib config; Ray must run if it has worker processes.

    The algorithm writes no files: RLlib would log to the home folder.
    """
    return config.build(logger_creator=lambda settings: NoopLogger(settings, ""), **options)


def build_policy(config, weights: Dict[str, np.ndarray]):
    """Build the policy of an RLlib config, with weights that fit (`check_shapes`), to watch."""
    env = config.env(config.env_config)
    policy = create_policy_for_framework(
        DEFAULT_POLICY_ID,
        config.algo_class.get_default_policy_class(config),
        config.to_dict(),
        env.observation_space,
        env.action_space,
    )
    env.close()
    check_shapes(weights, policy.get_weights())
    policy.set_weights(weights)
    return policy


def check_shapes(saved: Dict[str, np.ndarray], own: Dict[str, np.ndarray]) -> None:
    """Raise a `Problem` if a checkpoint's weights have other shapes than the network here."""
    saved, own = ({n: a.shape for n, a in weights.items()} for weights in (saved, own))
    for name in sorted({*saved, *own}):
        there, here = saved.get(name, "missing"), own.get(name, "missing")
        if there != here:
            raise Problem(
                f"the checkpoint has another network: {name} is {there} there and {here} here; "
                "undo the change of the network's settings, or train from scratch"
            )
