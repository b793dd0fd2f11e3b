"""DQN that learns in this process while its workers, in processes of their own, play."""

import sys
import time
from collections import deque

import ray
from ray.exceptions import ObjectLostError, RayActorError
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED

from starter import Problem
from starter.learning.averaging_dqn import AveragingDQN

PATIENCE = 60  # seconds to wait for a worker when none is left


class PipelinedDQN(AveragingDQN):
    """DQN that plays and learns at the same time.

    Each training step takes one worker's fragment, in the order of the workers and not in the
    order in which they finish, so the seed decides what is learned. Before learning from it, the
    worker is asked for its next fragment, with the policy as it is now. With n workers, a
    fragment was played with a policy that is n training steps old.

    RLlib's own training step lets the workers wait while it learns, sends them the weights after
    every update, and counts the learner as one that plays: with one worker it would replay twice
    as many timesteps as `training_intensity` says.

    A worker that died is left out until Ray has restarted it.

    Raises:
        Problem: from `train`, if no worker is left and none comes back.
    """

    def setup(self, config):
        super().setup(config)
        self._actors = dict(enumerate(self.workers.remote_workers(), start=1))
        self._requests = deque()  # (number of the worker, what it was asked for)
        self._gone = set()

    def restore_workers(self, workers):
        """After each iteration, ask those that died as well: Ray may have restarted them."""
        workers.probe_unhealthy_workers()
        self._ask(*sorted(self._gone))

    def _ask(self, *workers):
        """Ask each of these workers for a fragment, played with the policy as it is now."""
        weights = self.workers.local_worker().get_weights()
        timestep = self._counters[NUM_ENV_STEPS_SAMPLED]
        for worker in workers:
            request = self._actors[worker].apply.remote(_sample, weights, timestep)
            self._requests.append((worker, request))

    def next_fragment(self):
        """Return the next worker's fragment, and ask that worker for another one."""
        if not self._requests:
            self._ask(*self._actors)
        given_up = time.monotonic() + PATIENCE
        while True:
            while self._requests:
                worker, request = self._requests.popleft()
                try:
                    batch = ray.get(request)
                except (RayActorError, ObjectLostError):  # the worker, or its fragment
                    self._count(worker, gone=True)
                except Problem as problem:  # the game's; Ray adds a traceback to it
                    raise getattr(problem, "cause", problem) from None
                else:
                    self._count(worker, gone=False)
                    self._ask(worker)
                    return batch
            if time.monotonic() > given_up:
                raise Problem(
                    "no worker process is left, and none came back; resume with --resume"
                )
            time.sleep(1)
            self._ask(*self._actors)

    def _count(self, worker, gone):
        if gone == (worker in self._gone):
            return
        (self._gone.add if gone else self._gone.remove)(worker)
        number = len(self._actors)
        print(
            f"warning: worker {worker} is {'gone' if gone else 'back'}; "
            f"training continues with {number - len(self._gone)} of {number}",
            file=sys.stderr,
        )


def _sample(worker, weights, timestep):
    """In the worker's process: play a fragment with the weights of that timestep."""
    worker.set_weights(weights, {"timestep": timestep})
    return worker.sample()
