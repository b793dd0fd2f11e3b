"""LeanDQN against RLlib's own DQN."""

from ray.rllib.algorithms.dqn import DQN

import main
from starter.learning.build import build
from starter.storage import checkpoint


def test_an_iteration_is_rllibs_to_the_bit():
    results = []
    for algorithm_class in (DQN, main.configure(3).algo_class):
        config = main.configure(3)
        config.algo_class = algorithm_class
        algorithm = build(config)
        result = algorithm.train()
        policy = algorithm.get_policy()
        results.append(
            {
                "weights": checkpoint.digest(policy.get_weights()),
                "mean Q": result["info"]["learner"]["default_policy"]["learner_stats"]["mean_q"],
                "mean return": result["episode_reward_mean"],
                "counters": {name: int(n) for name, n in algorithm._counters.items()},
            }
        )
        algorithm.stop()
    assert results[0] == results[1]
    # The first 512 of 4,096 timesteps are only played; each update learns from 128 rows.
    assert results[0]["counters"]["num_env_steps_trained"] == 448 * 128
    assert results[0]["counters"]["num_target_updates"] == 4
