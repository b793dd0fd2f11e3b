"""The example of an environment of one's own, against what its docstring says."""

import gymnasium
import numpy as np
import pytest

from examples import autoscaler


def test_a_replica_serves_after_three_timesteps():
    env = autoscaler.Autoscaler(bursts=False)
    env.reset(seed=0)
    running = []
    for action in (2, 1, 1, 1, 0, 0, 0, 0, 0):
        observation, reward, _, _, _ = env.step(action)
        running.append(round(float(observation[2]) * 20))
        replicas = running[-1] + len(env.starting)
        assert reward == pytest.approx(1 - replicas / 20 - env.queue / 100)
    assert running == [3, 3, 4, 4, 3, 2, 1, 1, 1]  # and the last one is never stopped


def rule(headroom):
    """Scale to the load times `headroom`, as an operator would."""

    def act(observation, random):
        wanted = np.ceil(observation[0] * 100 * headroom / 10)
        there = round(float(observation[2] + observation[3]) * 20)
        return 1 + int(wanted > there) - int(wanted < there)

    return act


@pytest.mark.parametrize(
    ("act", "mean"),
    [(rule(1.2), 154), (rule(1.5), 139), (lambda observation, random: random.integers(3), -68)],
)
def test_the_returns_that_its_docstring_names(act, mean):
    env, returns = gymnasium.make("Autoscaler-v0"), []
    for seed in range(50):
        random = np.random.default_rng(seed)
        observation, _ = env.reset(seed=seed)
        over, total = False, 0
        while not over:
            observation, reward, terminated, truncated, _ = env.step(act(observation, random))
            total += reward
            over = terminated or truncated
        returns.append(total)
    assert np.mean(returns) == pytest.approx(mean, abs=1)
