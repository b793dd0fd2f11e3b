"""Draw the README's pictures of Q-values: `make expected` calls it.

docs/corridor.png shows the table of examples/q_table.py, and docs/flight.png what the network in
docs/demo expects during a flight, beside what came of it.
"""

from starter import preflight

preflight.check()

from contextlib import closing

import numpy as np
from matplotlib.figure import Figure

from examples import q_table
from starter import PROJECT, console, trained
from starter.files import replacing

DOCS = PROJECT / "docs"
EPISODES = (1, 2, 3, 20)
SEED = 1  # of the flight: the first one that the README's run shows


def corridor() -> Figure:
    """Draw the Q-value of walking right in each cell, after some episodes."""
    Q, random = np.zeros((q_table.GOAL + 1, len(q_table.ACTIONS))), np.random.default_rng(seed=0)
    tables = []
    for episode in range(1, EPISODES[-1] + 1):
        q_table.learn(Q, random)
        if episode in EPISODES:
            tables.append(Q[:, 1].copy())
    figure = Figure(figsize=(8, 2.6), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.imshow(np.array(tables)[:, :-1], cmap="Blues", vmin=0, vmax=1.2, aspect="auto")
    for row, table in enumerate(tables):
        for cell, value in enumerate(table[:-1]):
            color = "white" if value > 0.7 else "black"
            axes.text(cell, row, f"{value:.2f} →", ha="center", va="center", color=color)
        axes.text(q_table.GOAL, row, "goal", ha="center", va="center")
    axes.set_xticks(range(q_table.GOAL + 1), [f"cell {n}" for n in range(q_table.GOAL + 1)])
    axes.set_yticks(range(len(EPISODES)), [f"after episode {n}" for n in EPISODES])
    axes.set_xlim(-0.5, q_table.GOAL + 0.5)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def flight() -> Figure:
    """Draw the value of the state during a flight, and the discounted return that followed."""
    pilot, environment, *_ = trained.load(DOCS / "demo")
    config, values, rewards, legs, ended = pilot.policy.config, [], [], [], False
    with closing(environment.make()) as env:
        observation, _ = env.reset(seed=SEED)
        while not ended:
            q_values = pilot.q_values([observation])[0]
            values.append(q_values.max() / config["replay_buffer_config"].get("reward_scale", 1))
            observation, reward, terminated, truncated, _ = env.step(int(q_values.argmax()))
            rewards.append(reward)
            legs.append(observation[6:8].any())
            ended = terminated or truncated
    followed = [0.0]
    for reward in reversed(rewards):
        followed.insert(0, reward + config["gamma"] * followed[0])
    seconds = np.arange(len(rewards)) / environment.timesteps_per_second
    touched = seconds[np.argmax(legs)]
    figure = Figure(figsize=(8, 3.2), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.plot(seconds, values, color="#0072b2", lw=2, label="value V: what the network expects")
    label = "what followed"
    axes.plot(seconds, followed[:-1], color="#d55e00", lw=1.5, ls="--", label=label)
    axes.axvline(touched, color="#777777", lw=1)
    axes.text(touched, axes.get_ylim()[0], "first leg touches ", ha="right", va="bottom")
    axes.set(xlabel="seconds of flight", ylabel="discounted return")
    axes.legend(frameon=False)
    return figure


def pictures():
    """Draw docs/corridor.png and docs/flight.png."""
    for draw in (corridor, flight):
        path = DOCS / f"{draw.__name__}.png"
        with replacing(path) as scratch:
            draw().savefig(scratch, format="png", facecolor="white")
        print(f"wrote {path.relative_to(PROJECT)}")


if __name__ == "__main__":
    console.run(pictures)
