"""DQN that learns in this process while its workers, in processes of their own, sample."""

import sys
import time
from collections import deque

import ray
from ray.exceptions import ObjectLostError, RayActorError
from ray.rllib.algorithms.dqn import DQN
from ray.rllib.execution.train_ops import train_one_step
from ray.rllib.utils.metrics import (
    LAST_TARGET_UPDATE_TS,
    NUM_AGENT_STEPS_SAMPLED,
    NUM_ENV_STEPS_SAMPLED,
    NUM_TARGET_UPDATES,
)

from starter import Problem

PATIENCE = 60  # seconds to wait for a worker when there is none


class PipelinedDQN(DQN):
    """RLlib's DQN, but sampling and learning go on at the same time.

    Each training step takes one worker's fragment, in the order of the workers, whichever is
    ready first: so that a seed decides what is learned. Before it learns from it, it has that
    worker play the next fragment, with the policy as it is now. With n workers a fragment was
    played with a policy that is n training steps old.

    With workers, RLlib's own training step has them wait while it learns, sends them the
    weights after each single update, and counts the learner as one that samples too, so that
    with one worker it would replay twice as many timesteps as `training_intensity` says.

    A worker that is gone is left out until Ray has started it anew.

    Raises:
        Problem: from `train`, if no worker is left and none came back.
    """

    def setup(self, config):
        super().setup(config)
        self._actors = dict(enumerate(self.workers.remote_workers(), start=1))
        self._requests = deque()  # (number of the worker, what it was asked for)
        self._gone = set()

    def training_step(self):
        if not self._requests:
            self._ask(*self._actors)
        worker, batch = self._next_fragment()
        self.local_replay_buffer.add(batch)
        self._counters[NUM_AGENT_STEPS_SAMPLED] += batch.count
        self._counters[NUM_ENV_STEPS_SAMPLED] += batch.count
        timestep = self._counters[NUM_ENV_STEPS_SAMPLED]
        self._ask(worker)

        results = {}
        if timestep > self.config.num_steps_sampled_before_learning_starts:
            rows = self.config.training_intensity * batch.count
            for _ in range(round(rows / self.config.train_batch_size)):
                results = train_one_step(self, self.local_replay_buffer.sample(1))
            if (
                timestep - self._counters[LAST_TARGET_UPDATE_TS]
                >= self.config.target_network_update_freq
            ):
                self.get_policy().update_target()
                self._counters[NUM_TARGET_UPDATES] += 1
                self._counters[LAST_TARGET_UPDATE_TS] = timestep
            self.workers.local_worker().set_global_vars({"timestep": timestep})
        return results

    def restore_workers(self, workers):
        """After each iteration: ask those that were gone, too, in case they are back."""
        workers.probe_unhealthy_workers()
        self._ask(*sorted(self._gone))

    def _ask(self, *workers):
        """Have each of these workers play a fragment; Ray sends it here when it is ready."""
        weights = self.workers.local_worker().get_weights()
        timestep = self._counters[NUM_ENV_STEPS_SAMPLED]
        for worker in workers:
            request = self._actors[worker].apply.remote(_sample, weights, timestep)
            self._requests.append((worker, request))

    def _next_fragment(self):
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
                    return worker, batch
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
            f"training goes on with {number - len(self._gone)} of {number}",
            file=sys.stderr,
        )


def _sample(worker, weights, timestep):
    """In the worker's process: play a fragment with these weights, of this time of training."""
    worker.set_weights(weights, {"timestep": timestep})
    return worker.sample()
