"""The learning curve: the returns of training episodes and evaluations, by timestep."""

import sys
import time
from collections import Counter
from functools import lru_cache
from typing import Optional

import numpy as np

from starter.files import replacing

SECONDS = 15  # between two drawings, at least


def update(run, algorithm, solved: Optional[float], last: bool = False) -> None:
    """Draw the curve.png of a `Run`, 1,200 x 600 pixels: at most every 15 s, and at the end.

    If it cannot be drawn, that is only a warning: the policy is worth more than any picture.
    `solved` is the return that counts as a solution; None if there is none.
    """
    path = run.folder / "curve.png"
    try:
        if last or not path.exists() or time.time() > path.stat().st_mtime + SECONDS:
            _draw(path, run, algorithm.get_policy().exploration.epsilon, solved)
    except Exception as error:
        _warn_once(str(error))


@lru_cache(maxsize=None)
def _warn_once(error):
    print(f"warning: no learning curve: {error}", file=sys.stderr)


def _draw(path, run, epsilon, solved):
    # Imported here: they take half a second. Unlike pyplot, Figure never needs a display.
    import pandas as pd
    from matplotlib.figure import Figure

    ends = {row["training_iteration"]: row["timesteps_total"] for row in run.rows}
    # Nobody knows at which timestep an episode ended: spread an iteration's evenly over it.
    ended = Counter(episode[0] for episode in run.episodes)
    timesteps, begin = [], 0
    for iteration, end in ends.items():
        timesteps += np.linspace(begin, end, ended[iteration] + 1)[1:].tolist()
        begin = end
    returns = [episode[1] for episode in run.episodes]
    means = pd.Series(returns, dtype=float).rolling(100, min_periods=1).mean()
    greedy = {ends[n]: np.mean(evaluation) for n, evaluation in run.evaluations.items()}

    figure = Figure(figsize=(8, 4), dpi=150)
    # Not layout="constrained": it draws everything twice.
    axes = figure.subplots(gridspec_kw={"left": 0.1, "right": 0.9, "bottom": 0.13, "top": 0.86})
    # Okabe and Ito's palette, which color-blind people can tell apart.
    axes.plot(timesteps, returns, ".", color="#9fc5e8", ms=3, label="training episode")
    axes.plot(timesteps, means, color="#0072b2", lw=2, label="mean of the last 100")
    if greedy:
        style = {"ls": "none", "marker": "D", "ms": 6, "mec": "white", "color": "#d55e00"}
        axes.plot(*zip(*greedy.items()), label="greedy evaluation, mean", **style)
    if solved is not None:
        axes.axhline(solved, color="#009e73", ls="--", lw=1.2, label=f"solved: {solved:g}")
    axes.set(xlabel="timesteps", ylabel="return", xlim=(0, begin * 1.02))
    if returns:  # leave out the worst 2 % of the episodes, which would squeeze the rest together
        bottom = min([np.percentile(returns, 2), *means, *greedy.values()])
        top = axes.get_ylim()[1]
        axes.set_ylim(bottom - 0.05 * (top - bottom), top)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    right = axes.twinx()
    played = np.linspace(0, begin, 1_000)  # one a pixel
    right.plot(played, [*map(epsilon, played)], color="#e69f00", lw=1.2, label="epsilon (right)")
    right.set(ylabel="epsilon: share of random actions", ylim=(0, 1))
    figure.legend(loc="upper center", ncol=3, frameon=False)
    with replacing(path) as scratch:
        figure.savefig(scratch, format="png")
