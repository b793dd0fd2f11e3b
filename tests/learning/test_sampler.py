"""The sampler: n-step returns against a plain loop, ends of both kinds, a known answer."""

import gymnasium
import numpy as np
import pytest

import main
from starter.environments.environment import load
from starter.learning.fast_dqn import FastDQNConfig
from starter.learning.sampler import n_step


def sample(seed, environment, fragments=1):
    """Return what the sampler of a new algorithm plays, its episodes, and its first seed."""
    algorithm = FastDQNConfig(environment, seed).training(n_step=3, gamma=0.99)
    algorithm = algorithm.rollouts(num_envs_per_worker=16, rollout_fragment_length=32).build()
    worker = algorithm.workers.local_worker()
    batches = [worker.sample().as_multi_agent()["default_policy"] for _ in range(fragments)]
    episodes = worker.get_metrics()
    assert worker.get_metrics() == []
    algorithm.stop()
    return batches, episodes, worker.config.seed


def plain_n_step(rewards, ends, terminals, n, gamma, start):
    """What n_step returns for one timestep of one environment, worked out by hand."""
    total, t = 0.0, start
    for k in range(n):
        t = start + k
        total += gamma**k * rewards[t]
        if ends[t] or t == len(rewards) - 1:
            break
    spanned = t - start + 1
    return total, t, 0.0 if terminals[t] else gamma**spanned


@pytest.mark.parametrize("n", [1, 2, 3, 5, 50])
def test_n_step_returns_are_a_plain_loops(n):
    random = np.random.default_rng(n)
    rewards = random.normal(size=(40, 3)).astype(np.float32)
    ends = random.random((40, 3)) < 0.15
    terminals = ends & (random.random((40, 3)) < 0.5)
    sums, last, discount = n_step(rewards, ends, terminals, n, 0.9)
    assert ends.any()
    assert (ends & ~terminals).any()
    for t in range(40):
        for i in range(3):
            total, at, worth = plain_n_step(rewards[:, i], ends[:, i], terminals[:, i], n, 0.9, t)
            assert sums[t, i] == pytest.approx(total, rel=1e-5, abs=1e-6)
            assert last[t, i] == at
            assert discount[t, i] == pytest.approx(worth)


def test_a_fragment_is_what_gymnasium_returns_for_the_same_actions():
    (batch,), _, first_seed = sample(3, load("LunarLander-v2", action_repeat=2))
    assert batch.count == 32 * 16
    by_step = {name: batch[name].reshape(32, 16, *batch[name].shape[1:]) for name in batch}
    assert len(np.unique(by_step["obs"][0], axis=0)) == 16  # no two environments start alike
    for i in range(16):
        env = load("LunarLander-v2", action_repeat=2).make()
        observation, _ = env.reset(seed=first_seed + i)
        rewards, next_observations, over = [], [], False
        while not over and len(rewards) < 32:
            t = len(rewards)
            assert by_step["obs"][t, i].tobytes() == observation.tobytes()
            observation, reward, over, _, _ = env.step(int(by_step["actions"][t, i]))
            rewards.append([reward])
            next_observations.append(observation)
        steps = len(rewards)
        ends = np.arange(steps)[:, None] == (steps - 1 if over else steps)
        sums, last, discount = n_step(np.array(rewards), ends, ends, 3, 0.99)
        assert by_step["rewards"][:steps, i] == pytest.approx(sums[:, 0], rel=1e-5, abs=1e-5)
        expected = np.array(next_observations)[last[:, 0]]
        assert by_step["new_obs"][:steps, i].tobytes() == expected.tobytes()
        # RLlib's loss gives the next value a weight of gamma^n * (1 - done).
        weight = 0.99**3 * (1 - by_step["dones"][:steps, i])
        assert weight == pytest.approx(discount[:, 0], abs=1e-6)


@pytest.mark.parametrize(
    ("name", "length", "terminal"), [("MountainCar-v0", 200, False), ("CartPole-v1", None, True)]
)
def test_a_time_limit_is_not_a_fall(name, length, terminal):
    batches, episodes, _ = sample(0, load(name), fragments=8)
    dones = np.concatenate([batch["dones"] for batch in batches])
    assert len(episodes) >= 16
    assert (dones == 1).any() == terminal
    if length:
        assert {metrics.episode_length for metrics in episodes} == {length}
        assert {metrics.episode_reward for metrics in episodes} == {-length}


class StayOrLeave(gymnasium.Env):
    """Leave for 20 and it is over; stay for 1 more, and a time limit of 5 cuts it off.

    The observation does not tell the time, so to stay is worth 1 / (1 - 0.99) = 100. Whoever
    takes the limit for an end finds it worth about 1 + 0.99 * 4/5 * 20 = 17, and leaves.
    """

    observation_space = gymnasium.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.ones(2, np.float32), {}

    def step(self, action):
        return np.ones(2, np.float32), 20.0 if action == 0 else 1.0, action == 0, False, {}


@pytest.mark.slow
def test_an_environment_whose_answer_is_known():
    gymnasium.register("StayOrLeave-v0", lambda: StayOrLeave(), max_episode_steps=5)
    config = main.configure(0, load("StayOrLeave-v0"))
    algorithm = config.training(replay_buffer_config={"reward_scale": 0.05}).build()
    for _ in range(5):
        algorithm.train()
    algorithm.greedy.use(algorithm.get_policy().get_weights())
    leave, stay = (
        algorithm.greedy.q_values([[1, 1]])[0] / algorithm.local_replay_buffer.reward_scale
    )
    algorithm.stop()
    assert leave == pytest.approx(20, abs=2)
    assert 22 < stay < 110  # on its way from 20 to 100, so it stays
