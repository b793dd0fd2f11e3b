"""The example of an environment of one's own, against what its docstring says."""

import numpy as np
import pytest

import main
from examples import autoscaler
from starter.environments.environment import load
from starter.evaluation import random_pilot


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


def test_the_returns_that_its_docstring_names():
    def scale(headroom):
        def pilot(observations, _):
            wanted = np.ceil(observations[:, 0] * 100 * headroom / 10)
            there = np.round((observations[:, 2] + observations[:, 3]) * 20)
            return 1 + np.sign(wanted - there)

        return pilot

    environment = load("examples.autoscaler:Autoscaler-v0")
    pilots = scale(1.2), scale(1.5), random_pilot(environment, 0)
    means = [main.evaluate(pilot, environment, 50, 0).mean() for pilot in pilots]
    assert means == pytest.approx([154, 139, -68], abs=5)
