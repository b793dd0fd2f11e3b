"""Train RLlib's `DQNConfig()` as it comes, for the benchmark and the experiments to compare with.

.venv/bin/python scripts/maintain/stock.py --output runs
"""

from starter import preflight

preflight.check()

from pathlib import Path

from typer import Option

import main
from starter import console
from starter.environments.environment import load
from starter.files import write_csv
from starter.storage import folder, settings

COLUMNS = ("timesteps_total", "episode_reward_mean", "time_total_s")


def train(
    iterations: int = Option(10, min=1, help="Of 1,000 timesteps each."),
    seed: int = Option(1, min=1, help="Random seed."),
    output: Path = Option("runs", help="Folder for the run's folder."),
):
    """Train it without action repeat, then evaluate it; write the files that are measured."""
    from ray.rllib.algorithms.dqn import DQNConfig

    from starter.learning.adapter import GymnasiumAdapter
    from starter.learning.build import build
    from starter.learning.pilots import Greedy

    lander = load("LunarLander-v2", action_repeat=1)
    config = DQNConfig().environment(GymnasiumAdapter, env_config=lander.config)
    algorithm = build(config.debugging(seed=seed, log_level="ERROR"))
    with folder.opened(output, f"stock-seed{seed}") as run:
        results = [algorithm.train() for _ in range(iterations)]
        returns = main.evaluate(Greedy(algorithm.get_policy()), lander)
        rows = [[result[name] for name in COLUMNS] for result in results]
        settings.write(run, config, **lander.manifest)
        write_csv(run / "statistics.csv", COLUMNS, rows)
        rows = [["trained", episode, value] for episode, value in enumerate(returns, start=1)]
        write_csv(run / "evaluations.csv", ["iteration", "episode", "return"], rows)


if __name__ == "__main__":
    console.run(train)
