"""The learning curve: the returns of training episodes and evaluations, by timestep."""

import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

import numpy as np

from starter.files import replacing

SECONDS = 15  # between two drawings, at least


def update(run, solved: Optional[float], last: bool = False) -> None:
    """Draw the curve.png of a `Run`: at first, at last, and at most every 15 s in between.

    It is not drawn for a run without a folder. If it cannot be drawn, that is only a warning:
    the policy is worth more than any picture.
    """
    if run.folder is None:
        return
    path = run.folder / "curve.png"
    try:
        if last or not path.exists() or time.time() > path.stat().st_mtime + SECONDS:
            draw(path, run.rows, run.episodes, solved, run.evaluations)
    except Exception as error:
        _warn_once(str(error))


@lru_cache(maxsize=None)
def _warn_once(error):
    print(f"warning: no learning curve: {error}", file=sys.stderr)


def draw(
    path: Path,
    rows: Sequence[Dict[str, Any]],
    episodes: Sequence[Tuple[int, float, int]],
    solved: Optional[float],
    evaluations: Mapping[int, np.ndarray],
) -> None:
    """Write the picture, a PNG of 1,200 x 600 pixels.

    Args:
        path: the file; an older one is replaced when the new one is complete.
        rows: for each iteration, its statistics by the names in statistics.csv.
        episodes: for each training episode, `(iteration, return, length in timesteps)`.
        solved: the return where the line of a solution is drawn; None for no line.
        evaluations: by iteration, the returns of its evaluation, shape (episodes,).

    Raises:
        Problem: if it cannot be written.
    """
    # Imported here: it takes half a second. Unlike pyplot, Figure never needs a display.
    from matplotlib.figure import Figure

    ends = {row["training_iteration"]: row["timesteps_total"] for row in rows}
    # When an episode ended is not known to the timestep: spread each iteration's evenly over it.
    timesteps, begin = [], 0
    for iteration, end in ends.items():
        ended = sum(episode[0] == iteration for episode in episodes)
        timesteps += np.linspace(begin, end, ended + 1)[1:].tolist()
        begin = end
    returns = [episode[1] for episode in episodes]
    means = [np.mean(returns[max(n - 100, 0) : n]) for n in range(1, len(returns) + 1)]
    greedy = [np.mean(evaluation) for evaluation in evaluations.values()]

    figure = Figure(figsize=(8, 4), dpi=150)
    # Not layout="constrained": it draws everything twice.
    axes = figure.subplots(gridspec_kw={"left": 0.1, "right": 0.9, "bottom": 0.13, "top": 0.86})
    # Okabe and Ito's palette, which color-blind people can tell apart.
    axes.plot(timesteps, returns, ".", color="#9fc5e8", ms=3, label="training episode")
    axes.plot(timesteps, means, color="#0072b2", lw=2, label="mean of the last 100")
    if greedy:
        style = {"ls": "none", "marker": "D", "ms": 6, "mec": "white", "color": "#d55e00"}
        at = [ends[iteration] for iteration in evaluations]
        axes.plot(at, greedy, label="greedy evaluation, mean", **style)
    if solved is not None:
        axes.axhline(solved, color="#009e73", ls="--", lw=1.2, label=f"solved: {solved:g}")
    axes.set(xlabel="timesteps", ylabel="return", xlim=(0, begin * 1.02))
    # Leave out the worst 2 % of the episodes, which would squeeze the rest together.
    bottom, top = axes.get_ylim()
    low = np.percentile(returns, 2) if returns else bottom
    axes.set_ylim(min([low - 0.05 * (top - low), *means, *greedy]), top)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    right = axes.twinx()
    epsilon = [row["epsilon"] for row in rows]  # at the end of each iteration
    right.plot(list(ends.values()), epsilon, color="#e69f00", lw=1.2, label="epsilon (right)")
    right.set(ylabel="epsilon: share of random actions", ylim=(0, 1))
    figure.legend(loc="upper center", ncol=3, frameon=False, markerscale=1.5)
    with replacing(path) as scratch:
        figure.savefig(scratch, format="png")
