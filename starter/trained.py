"""A policy that was trained before, to use in a script of one's own."""

from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Union

from starter import preflight

preflight.check()

from starter.environments.environment import Environment
from starter.storage import checkpoint, settings


class Trained(NamedTuple):
    """What a run has learned."""

    pilot: Any  # a `Greedy`: observations, shape (n, ...), and previous actions, (n,), to actions
    environment: Environment  # `make()` returns a new one, which acts and observes as in training
    found: checkpoint.Checkpoint
    settings: Dict[str, Any]  # that it was trained with, as `settings.from_config` returns them


def load(
    folder: Union[str, Path] = "runs/latest",
    id: Optional[str] = None,
    arguments: Optional[Dict[str, Any]] = None,
) -> Trained:
    """Return the policy of a run or a checkpoint, and its environment; or raise a `Problem`.

    `folder` is a run's, or a checkpoint's path; `id` is the environment's, if its file has moved
    since; its `arguments` replace those of the same names in training.
    """
    found = checkpoint.newest(folder)
    environment = Environment.from_manifest(found.manifest, id, arguments)
    trained = settings.read(found.path.parent).get("algorithm", {})

    from starter.learning.build import build_policy
    from starter.learning.fast_dqn import FastDQNConfig
    from starter.learning.pilots import Greedy

    config = settings.apply_network(FastDQNConfig(environment), trained)
    policy = build_policy(config, found.weights)
    pilot = Greedy(policy, environment.mirror, config.margin * environment.idle)
    return Trained(pilot, environment, found, trained)
