"""The example of an environment of one's own, against what its docstring says."""

import gymnasium
import numpy as np
import pytest

from examples import autoscaler
from starter.environments.environment import Environment

ID = "examples.autoscaler:Autoscaler-v0"


def test_it_is_an_environment_that_this_project_learns():
    game = Environment(ID)
    assert game.solved == 140
    assert game.can_be_drawn
    assert len(game.actions) == 3


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


def test_what_is_not_answered_waits_until_the_service_is_down():
    env = autoscaler.Autoscaler(bursts=False)
    env.reset(seed=1)
    queue, down, rewards = 0.0, False, []
    while not down:
        observation, reward, down, truncated, _ = env.step(1)
        queue = max(queue + env.load - 30, 0)
        assert env.queue == pytest.approx(queue)
        assert observation[4] == pytest.approx(queue / 300, rel=1e-5)
        assert not truncated
        rewards.append(reward)
    assert queue >= 300
    assert rewards[-1] == -100
    assert max(rewards[:-1]) == pytest.approx(1 - 3 / 20)


def rule(headroom):
    """Scale to the load times `headroom`, as an operator would."""

    def act(observation, random):
        wanted = np.ceil(observation[0] * 100 * headroom / 10)
        there = round(float(observation[2] + observation[3]) * 20)
        return 1 + int(wanted > there) - int(wanted < there)

    return act


@pytest.mark.parametrize(
    ("act", "mean", "longest"),
    [
        (rule(1.2), 154, 288),
        (rule(1.5), 139, 288),
        (lambda observation, random: int(random.integers(3)), -68, 287),
    ],
)
def test_the_returns_that_its_docstring_names(act, mean, longest):
    returns, lengths = [], []
    for seed in range(50):
        env = gymnasium.make(ID)
        random = np.random.default_rng(seed)
        observation, _ = env.reset(seed=seed)
        over, rewards = False, []
        while not over:
            observation, reward, terminated, truncated, _ = env.step(act(observation, random))
            rewards.append(reward)
            over = terminated or truncated
        returns.append(sum(rewards))
        lengths.append(len(rewards))
    assert np.mean(returns) == pytest.approx(mean, abs=1)
    assert max(lengths) <= 288
    assert np.mean(lengths) <= longest


def test_its_picture_shows_load_capacity_and_queue():
    env = autoscaler.Autoscaler(render_mode="rgb_array", bursts=False)
    env.reset(seed=0)
    for _ in range(60):
        env.step(1)
    picture = env.render()
    assert picture.shape == (400, 576, 3)
    column = picture[:, 2 * 59].tolist()
    load, capacity, queue = env.history[59]
    assert queue > capacity > 0
    # From the bottom: the queue in red, and the load's mark at its height.
    assert column.count([225, 80, 70]) == pytest.approx(int(queue) + 3, abs=3)
    assert column[400 - 3 - int(load)] == [240, 150, 30]
    assert picture[:, 2 * 60 :].min() == 255  # the hours to come
