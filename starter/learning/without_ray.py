"""RLlib in one process, without Ray's servers."""

from functools import wraps

from ray.rllib.utils.actor_manager import FaultTolerantActorManager, RemoteCallResults


def run_without_ray() -> None:
    """Let an algorithm without worker processes run without `ray.init()`.

    RLlib 2.2.0 asks Ray for the answers of its remote workers even when it has none. For that
    alone Ray would have to run: six more processes of 0.5 GB in all, which listen on every
    network interface and take 6 s to start and to stop. So `foreach_actor` is replaced by one
    that returns at once where there are no workers.
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
