"""What is printed about a training."""

from pathlib import Path
from typing import Any, Dict, Optional

import numpy as np

HEADING = "iteration  timesteps  reward: max       min      mean  episode length"


def statistics(result: Dict[str, Any]) -> str:
    """Return one line of RLlib's result, whose "reward" is the return of an episode."""
    line = f"{result['training_iteration']:9,}  {result['timesteps_total']:9,}"
    if np.isnan(result["episode_reward_mean"]):
        return f"{line}  no episode has ended yet"
    return (
        f"{line}  {result['episode_reward_max']:11.2f}  {result['episode_reward_min']:8.2f}"
        f"  {result['episode_reward_mean']:8.2f}  {result['episode_len_mean']:14.1f}"
    )


def summary(returns: np.ndarray, solved: Optional[float]) -> str:
    """Return the mean, the standard deviation and how many of the episodes reach `solved`."""
    text = f"mean {returns.mean():.2f}, standard deviation {returns.std():.2f}"
    if solved is None:
        return text
    return f"{text}, {(returns >= solved).sum()} of {len(returns)} at {solved:g} or more"


def outcome(environment, best, random: np.ndarray, saved: Path) -> str:
    """Return the result of a training, in a few lines.

    Args:
        environment: the `Environment`.
        best: the policy that is kept, with these attributes: `iteration`, `returns` (of its
            evaluation, shape (episodes,)), `solved`, `latest` (whether no later policy was
            evaluated) and `sha256` (of its weights).
        random: the returns of the random policy's episodes, to compare with.
        saved: its checkpoint.
    """
    solved = environment.solved
    lines = [f"random policy: {summary(random, solved)}"]
    if not best.latest:
        words = f"best policy: that of iteration {best.iteration}"
        lines.insert(0, f"{words}, {summary(best.returns, solved)}")
    if solved is None:
        margin = best.returns.mean() - random.mean()
        lines.append(
            f"{environment} sets no return to reach; the best policy is {margin:+.2f} above random"
        )
    else:
        lines.append(f"{environment} is {'solved' if best.solved else 'not solved yet'}")
    return "\n".join([*lines, f"weights: SHA-256 {best.sha256}", f"saved {saved}"])
