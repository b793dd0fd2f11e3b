"""The lines that a training prints."""

from typing import Any, Dict, Optional

import numpy as np

from starter.evaluation import is_solved

HEADING = "iteration  timesteps  return: max       min      mean  timesteps/episode"


def statistics(result: Dict[str, Any]) -> str:
    """Return the line of an iteration; RLlib's result calls an episode's return its "reward"."""
    line = f"{result['training_iteration']:9,}  {result['timesteps_total']:9,}"
    if np.isnan(result["episode_reward_mean"]):
        return f"{line}  no episode has ended yet"
    return (
        f"{line}  {result['episode_reward_max']:11.2f}  {result['episode_reward_min']:8.2f}"
        f"  {result['episode_reward_mean']:8.2f}  {result['episode_len_mean']:17.1f}"
    )


def summary(returns: np.ndarray, solved: Optional[float]) -> str:
    """Return the mean, the standard deviation and how many returns reach `solved`, in words."""
    text = f"mean {returns.mean():.2f}, standard deviation {returns.std():.2f}"
    if solved is None:
        return text
    return f"{text}, {(returns >= solved).sum()} of {len(returns)} at {solved:g} or more"


def outcome(run, environment, trained: np.ndarray, random: np.ndarray) -> str:
    """Return the last lines: the best policy of a `Run`, compared with a random one.

    Both have their returns, shape (episodes,), in fresh episodes of the `Environment`.
    """
    solved, gain = environment.solved, trained.mean() - random.mean()
    if solved is None:
        verdict = f"sets no return to reach; the best policy is {gain:+.2f} above random"
    else:
        verdict = "is solved" if is_solved(trained, environment) else "is not solved yet"
    lines = (
        f"best policy (iteration {run.best.iteration}): {summary(trained, solved)}",
        f"random policy: {summary(random, solved)}",
        f"{environment} {verdict}",
        f"weights: SHA-256 {run.best.sha256}",
        f"saved {run.saved or 'nothing'}",
    )
    return "\n".join(lines)
