"""RLlib in this process alone, without Ray's servers."""

from functools import wraps

from ray.rllib.utils.actor_manager import FaultTolerantActorManager, RemoteCallResults
from ray.tune.logger import NoopLogger


def build(config):
    """Build the `Algorithm` of an RLlib config that has no worker processes.

    It writes nothing of its own: RLlib would log into the home folder.
    """
    _run_without_ray()
    return config.build(logger_creator=lambda settings: NoopLogger(settings, ""))


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
