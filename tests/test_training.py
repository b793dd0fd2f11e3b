"""Building, training and printing, against RLlib's own result."""

import re

import numpy as np
import pytest
import ray

import main


@pytest.fixture(scope="module")
def session():
    algorithm = main.build_algorithm(seed=0)
    yield algorithm
    algorithm.stop()


def figures(text):
    """The lines of statistics, without the wall-clock time at their end."""
    return [line.rsplit(None, 1)[0] for line in text.splitlines() if re.match(r" +\d", line)]


def train(seed, iterations, capsys):
    algorithm = main.build_algorithm(seed)
    main.train(algorithm, iterations)
    algorithm.stop()
    return figures(capsys.readouterr().out)


def test_each_line_is_rllibs_own_result(session, capsys, monkeypatch):
    results = []
    rllibs_train = session.train
    monkeypatch.setattr(session, "train", lambda: results.append(rllibs_train()) or results[-1])
    assert main.train(session, 2) is results[1]
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3  # a heading, and a line for each iteration
    for number, (line, result) in enumerate(zip(lines[1:], results), start=1):
        # RLlib keeps every finished episode's return in hist_stats.
        returns = result["hist_stats"]["episode_reward"]
        lengths = result["hist_stats"]["episode_lengths"]
        iteration, timesteps, highest, lowest, mean, length, seconds = line.split()
        assert int(iteration) == number
        assert int(timesteps.replace(",", "")) == 4096 * number
        assert highest == f"{max(returns):.2f}" == f"{result['episode_reward_max']:.2f}"
        assert lowest == f"{min(returns):.2f}" == f"{result['episode_reward_min']:.2f}"
        assert mean == f"{np.mean(returns):.2f}" == f"{result['episode_reward_mean']:.2f}"
        assert length == f"{np.mean(lengths):.1f}"
        assert float(seconds) == pytest.approx(result["time_total_s"], abs=0.06)


def test_an_iteration_without_a_finished_episode_says_so():
    result = {
        "training_iteration": 1,
        "timesteps_total": 64,
        "episode_reward_mean": float("nan"),
        "time_total_s": 0.1,
    }
    line = main.statistics(result)
    assert "no episode has ended yet" in line
    assert "nan" not in line


def test_the_seed_decides_even_seed_0(capsys):
    first, again, other = (train(seed, 2, capsys) for seed in (0, 0, 1))
    assert len(first) == 2
    assert first == again
    assert first[0] != other[0]


def test_the_callers_random_state_does_not_matter(capsys):
    np.random.seed(1)
    first = train(4, 1, capsys)
    np.random.seed(2)
    assert train(4, 1, capsys) == first


def test_no_two_environments_start_alike(session):
    base_env = session.workers.local_worker().async_env
    starts = {env.reset().tobytes() for env in base_env.get_sub_environments()}
    assert len(starts) == 16


def test_no_ray_cluster_is_started_or_joined(session):
    session.train()
    assert not ray.is_initialized()


@pytest.mark.parametrize(
    ("environment", "length", "end"), [("MountainCar-v0", 200, False), ("CartPole-v1", None, True)]
)
def test_a_time_limit_is_stored_as_not_done_and_a_fall_as_done(
    environment, length, end, monkeypatch
):
    monkeypatch.setattr(main, "ENVIRONMENT", environment)
    algorithm = main.build_algorithm(seed=0)
    worker = algorithm.workers.local_worker()
    batches = [worker.sample().as_multi_agent()["default_policy"] for _ in range(16)]
    algorithm.stop()
    dones = np.concatenate([batch["dones"] for batch in batches])
    episodes = [metrics for metrics in worker.get_metrics() if metrics.episode_length]
    assert len(episodes) >= 16
    assert dones.any() == end
    if length:
        assert {metrics.episode_length for metrics in episodes} == {length}
