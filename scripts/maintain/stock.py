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

ITERATIONS, SEED = 10, 1  # an iteration has 1,000 timesteps
COLUMNS = ("timesteps_total", "time_total_s")


def train(output: Path = Option("runs", help="Put the run's folder into this one.")):
    """Train it without action repeat, then evaluate it; write the files that are measured."""
    from ray.rllib.algorithms.dqn import DQNConfig

    from starter.learning.adapter import GymnasiumAdapter
    from starter.learning.build import build
    from starter.learning.pilots import Greedy

    lander = load("LunarLander-v2", action_repeat=1)
    config = DQNConfig().environment(GymnasiumAdapter, env_config=lander.config)
    algorithm = build(config.debugging(seed=SEED, log_level="ERROR"))
    with folder.opened(output, f"stock-seed{SEED}") as run:
        results = [algorithm.train() for _ in range(ITERATIONS)]
        returns = main.evaluate(Greedy(algorithm.get_policy()), lander)
        settings.write(run, config, **lander.manifest)
        rows = [[result[name] for name in COLUMNS] for result in results]
        write_csv(run / "statistics.csv", COLUMNS, rows)
        rows = [["trained", value] for value in returns]
        write_csv(run / "evaluations.csv", ["iteration", "return"], rows)


if __name__ == "__main__":
    console.run(train)
