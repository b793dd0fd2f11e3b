"""The learning curve: how the returns of the training episodes and the evaluations rise."""

import numpy as np

from starter.files import replacing

SMOOTHED = 100  # episodes, as RLlib's mean


def update(run, solved, last=False):
    if last or not (run.folder / "curve.png").exists():
        draw(run.folder / "curve.png", run.rows, run.episodes, solved, run.evaluations)


def draw(path, rows, episodes, solved, evaluations=()):
    """Write the picture, a PNG of 1,200 x 600 pixels, whole or not at all.

    Args:
        rows: for each iteration, its statistics by the names in statistics.csv.
        episodes: for each training episode, `(iteration, return, length in timesteps)`.
        solved: the return where the line of a solution is drawn; None for no line.
        evaluations: by iteration, the returns of its evaluation's episodes.

    Raises:
        Problem: if it could not be written.
    """
    # Imported here: it takes half a second. Figure draws without a display, pyplot might not.
    from matplotlib.figure import Figure

    timesteps, returns, means = points(rows, episodes)
    figure = Figure(figsize=(8, 4), dpi=150)  # on white, to be read in a dark page too
    # Not layout="constrained": it draws everything twice.
    axes = figure.subplots(gridspec_kw={"left": 0.1, "right": 0.9, "bottom": 0.13, "top": 0.86})
    # Okabe and Ito's colors, which color-blind people can tell apart.
    axes.plot(timesteps, returns, ".", color="#9fc5e8", ms=3, label="training episode")
    axes.plot(timesteps, means, color="#0072b2", lw=2, label="mean of the last 100")
    ends = {row["training_iteration"]: row["timesteps_total"] for row in rows}
    greedy = [(ends[number], np.mean(evaluations[number])) for number in evaluations]
    if greedy:
        style = {"ls": "none", "marker": "D", "ms": 6, "mec": "white"}
        axes.plot(*zip(*greedy), color="#d55e00", label="greedy evaluation, mean", **style)
    if solved is not None:
        axes.axhline(solved, color="#009e73", ls="--", lw=1.2, label=f"solved: {solved:g}")
    axes.set(xlabel="timesteps", ylabel="return", xlim=(0, rows[-1]["timesteps_total"] * 1.02))
    # The worst of the early episodes, one in fifty, would press the rest together.
    bottom, top = axes.get_ylim()
    low = np.percentile(returns, 2) if len(returns) else bottom
    axes.set_ylim(min([low - 0.05 * (top - low), *means, *(mean for _, mean in greedy)]), top)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    other = axes.twinx()
    at = [row["timesteps_total"] for row in rows]
    epsilon = [row["epsilon"] for row in rows]  # at the end of each iteration
    other.plot(at, epsilon, color="#e69f00", lw=1.2, label="epsilon (right)")
    other.set(ylabel="epsilon: share of random actions", ylim=(0, 1))
    handles = [*axes.get_legend_handles_labels()[0], *other.get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="upper center", ncol=3, frameon=False, markerscale=1.5)
    with replacing(path) as scratch:
        figure.savefig(scratch, format="png")


def points(rows, episodes):
    """The training episodes as three arrays with one value per episode.

    Returns:
        The timestep at which it ended, as far as is known: RLlib says only in which
        iteration, so an iteration's episodes are spread evenly over it. Its return. The
        mean of the last 100 returns up to it.
    """
    iterations = np.array([episode[0] for episode in episodes], int)
    returns = np.array([episode[1] for episode in episodes], float)
    timesteps = np.zeros(len(episodes))
    begin = 0
    for row in rows:
        end = row["timesteps_total"]
        (at,) = np.nonzero(iterations == row["training_iteration"])
        timesteps[at] = begin + (end - begin) * np.arange(1, len(at) + 1) / max(len(at), 1)
        begin = end
    sums = np.concatenate([[0], np.cumsum(returns)])
    until = np.arange(1, len(returns) + 1)
    since = np.maximum(until - SMOOTHED, 0)
    return timesteps, returns, (sums[until] - sums[since]) / (until - since)
