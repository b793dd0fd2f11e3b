"""How good a policy is: evaluation in stages, the best so far, and when training may stop."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

import numpy as np

EVALUATION_SEED = 1_000_000  # of the first evaluation episode; every run flies the same ones
FRESH_SEED = 9_000_000  # of the first fresh episode, which had no part in training or choosing
FIRST_EVALUATION = 8  # an iteration; before it, a policy is rarely good
STAGES = (10, 20, 50, 100, 200)  # episodes flown by the end of each stage
SURE = 100  # episodes: from this many on, luck is no excuse
Weights = Dict[str, np.ndarray]  # of a network, by name


class Evaluation(NamedTuple):
    """What an evaluation has found."""

    returns: np.ndarray  # of the episodes, shape (episodes,)
    solved: bool  # whether they solve the environment; see `is_solved`
    passed: bool  # whether the policy passed every stage, so that training may stop


def is_solved(returns: np.ndarray, environment) -> bool:
    """Whether there are at least 100 returns, and their mean reaches the environment's threshold.

    Of the lander's, nine in ten must also reach it: the mean alone may hide crashes. `returns` has
    the shape (episodes,).
    """
    enough = len(returns) >= SURE
    return enough and _meets(returns, environment, environment.target, environment.shares[0])


def _meets(returns, environment, mean, share):
    reached = (returns >= environment.target).mean()
    return bool(returns.mean() >= mean and reached >= share)


@dataclass
class Goal:
    """What training aims for: decides when to evaluate a policy, and when to stop."""

    environment: Any  # the `Environment`
    stop_return: float  # the mean return to train to
    patience: int  # iterations without a better policy, once one has solved the environment
    start: int = 0  # the iteration from which training starts, or starts again

    def is_due(self, iteration: int, training_mean: float) -> bool:
        """Whether to evaluate after this iteration, whose training episodes have this mean."""
        promising = iteration >= FIRST_EVALUATION or training_mean >= self.stop_return
        return promising and iteration % self.environment.evaluation_interval == 0

    def evaluate(self, fly: Callable[..., np.ndarray]) -> Evaluation:
        """Fly 10 episodes, then 20 in all, 50, 100 and 200; end at the first stage that fails.

        Below 100 episodes, the mean must reach the threshold, less two standard errors of the
        mean. From 100 on, it must reach `stop_return`. Of the lander's, 90 % must also reach the
        threshold, and 95 % from 100 on. The last 100 episodes confirm what the first 100 found.
        `fly` takes `episodes` and `first_seed`, and returns that many returns.
        """
        environment, returns, passed = self.environment, np.zeros(0), False
        # Without a threshold only means are compared, and 10 episodes say too little.
        stages = STAGES if environment.solved is not None else STAGES[1:]
        for episodes in stages:
            more = fly(episodes=episodes - len(returns), first_seed=EVALUATION_SEED + len(returns))
            returns = np.append(returns, more)
            if episodes < SURE:
                mean = min(self.stop_return, environment.target)
                mean -= 2 * returns.std() / episodes**0.5
                share = environment.shares[0]
            else:
                mean, share = self.stop_return, environment.shares[1]
            passed = _meets(returns, environment, mean, share)
            if not passed:
                break
        return Evaluation(returns, is_solved(returns, environment), passed)

    def out_of_patience(self, best: "Best", iteration: int) -> bool:
        """Whether the best policy solves the environment, and is `patience` iterations old."""
        return best.solved and iteration - max(best.iteration, self.start) >= self.patience


@dataclass
class Best:
    """The best policy of a run so far.

    An evaluated policy is better than one that was not; then one that passed every stage; then
    one that solves the environment; then the one with the larger mean return.
    """

    iteration: Optional[int] = None  # the iteration that it has reached; None before the first
    # By which policies are compared: evaluated, passed, solved, mean return.
    rank: Tuple[bool, bool, bool, float] = (False, False, False, -np.inf)
    weights: Weights = field(default_factory=dict)

    @property
    def solved(self) -> bool:
        """Whether an evaluation found that it solves the environment."""
        return self.rank[2]

    @property
    def sha256(self) -> str:
        """The SHA-256 of the weights, variable by variable in the order of names."""
        hashed = hashlib.sha256()
        for name, values in sorted(self.weights.items()):
            hashed.update(f"{name} {values.dtype} {values.shape}".encode())
            hashed.update(values.tobytes())
        return hashed.hexdigest()

    def offer(
        self, iteration: int, weights: Weights, evaluation: Optional[Evaluation], mean: float
    ) -> None:
        """Keep a policy's weights if it is better.

        Without an `evaluation` of it, the mean return of the training episodes counts.
        """
        if evaluation:
            rank = True, evaluation.passed, evaluation.solved, float(evaluation.returns.mean())
        else:
            rank = False, False, False, -np.inf if np.isnan(mean) else float(mean)
        if self.iteration is None or rank > self.rank:
            self.iteration, self.rank, self.weights = iteration, rank, weights


def random_pilot(environment, seed: int) -> Callable[..., np.ndarray]:
    """Return a pilot that picks actions at random; the same seed gives the same actions."""
    random, count = np.random.default_rng(seed), len(environment.actions)
    return lambda observations, _: random.integers(count, size=len(observations))
