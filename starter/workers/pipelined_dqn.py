"""DQN that learns in this process, and plays in others: its workers."""

import sys
import time
from collections import deque

import ray
from ray.exceptions import ObjectLostError, RayActorError
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED

from starter import Problem
from starter.learning.fast_dqn import FastDQN

PATIENCE = 60  # seconds to wait for a worker when none is left
CLOSE_SECONDS = 5  # for the workers to close their environments


class PipelinedDQN(FastDQN):
    """DQN whose fragments come from workers.

    As soon as it has a worker's fragment, it asks that worker for another one. So with n workers,
    a fragment's policy is n + 1 steps old when it is learned from. It takes them in the order of
    the workers: the same seed and number of workers give the same run. A worker that died is left
    out until Ray has restarted it; `train` raises a `Problem` if none comes back.
    """

    def setup(self, config):
        from starter.workers import session  # here, or it would be sent to the workers

        super().setup(config)
        self._actors = dict(enumerate(self.workers.remote_workers(), start=1))
        self._requests = deque()  # pairs of a worker's number and the fragment to come from it
        self._gone = set()
        session.ending.callback(
            self.workers.foreach_worker,
            lambda worker: worker.async_env.stop(),  # closes its environments
            local_worker=False,
            timeout_seconds=CLOSE_SECONDS,
        )

    def next_fragment(self, weights):
        """Return the next worker's fragment, and ask that worker for one with these weights."""
        for _ in range(PATIENCE):
            if not self._requests:
                self._ask(weights, *self._actors)
            while self._requests:
                worker, request = self._requests.popleft()
                try:
                    batch = ray.get(request)
                except (RayActorError, ObjectLostError):
                    self._note(worker, gone=True)
                except Problem as problem:  # in the environment; Ray adds a traceback to it
                    raise problem.cause from None
                else:
                    self._note(worker, gone=False)
                    self._ask(weights, worker)
                    return batch
            time.sleep(1)
        raise Problem("no worker process is left, and none came back; resume with --resume")

    def restore_workers(self, workers):
        """After each iteration, ask the workers that died, which Ray may have restarted."""
        workers.probe_unhealthy_workers()
        asked = {worker for worker, _ in self._requests}
        self._ask(self.get_policy().get_weights(), *sorted(self._gone - asked))

    def _ask(self, weights, *workers):
        timestep = self._counters[NUM_ENV_STEPS_SAMPLED]
        for worker in workers:
            request = self._actors[worker].apply.remote(_sample, weights, timestep)
            self._requests.append((worker, request))

    def _note(self, worker, gone):
        if gone != (worker in self._gone):
            self._gone ^= {worker}
            left = f"{len(self._actors) - len(self._gone)} of {len(self._actors)}"
            now = f"worker {worker} is {'gone' if gone else 'back'}"
            print(f"warning: {now}; training continues with {left}", file=sys.stderr)


def _sample(worker, weights, timestep):
    """In the worker's process: play a fragment with the weights of that timestep."""
    policy = worker.get_policy()
    policy.set_weights(weights)  # RLlib finds the variables, which have other names here
    worker.set_global_vars({"timestep": timestep})
    worker.sampler.greedy.use(policy.get_weights())
    return worker.sample()
