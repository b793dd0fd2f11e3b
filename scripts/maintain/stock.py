"""Train RLlib's `DQNConfig()` as it comes, without action repeat, for reports.py to measure.

.venv/bin/python scripts/maintain/stock.py --output runs
"""

from starter import preflight

preflight.check()

from pathlib import Path

import pandas as pd
from typer import Option

import main
from starter import console
from starter.environments.environment import load


def train(output: Path = Option("runs", help="Put the run's folder into this one.")):
    """Train 10 iterations of 1,000 timesteps and evaluate the policy; write what is measured."""
    from ray.rllib.algorithms.dqn import DQNConfig

    from starter.learning.adapter import GymnasiumAdapter
    from starter.learning.build import build
    from starter.learning.pilots import Greedy

    lander = load("LunarLander-v2", action_repeat=1)
    config = DQNConfig().environment(GymnasiumAdapter, env_config=lander.config)
    algorithm = build(config.debugging(seed=1, log_level="ERROR"))
    statistics = [algorithm.train() for _ in range(10)]
    returns = main.evaluate(Greedy(algorithm.get_policy()), lander)
    run = output / "stock-seed1"
    run.mkdir(parents=True)
    pd.DataFrame(statistics)[["timesteps_total", "time_total_s"]].to_csv(run / "statistics.csv")
    pd.DataFrame({"iteration": "trained", "return": returns}).to_csv(run / "evaluations.csv")


if __name__ == "__main__":
    console.run(train)
