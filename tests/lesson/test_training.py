"""Building, training and printing, against RLlib's own result."""

import re

import gymnasium
import numpy as np
import pytest
import ray

import main

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def session():
    algorithm = main.build_algorithm(seed=0)
    yield algorithm
    algorithm.stop()


@pytest.fixture(autouse=True)
def quick_evaluation(monkeypatch, request):
    if "capsys" in request.fixturenames:
        monkeypatch.setattr(main, "evaluate", lambda policy, game: np.zeros(100))


def figures(text):
    """The lines of statistics."""
    return [line for line in text.splitlines() if re.match(r" +\d", line)]


def train(seed, iterations, capsys):
    algorithm = main.build_algorithm(seed)
    main.train(algorithm, iterations, stop_reward=200)
    algorithm.stop()
    return figures(capsys.readouterr().out)


def test_each_line_is_rllibs_own_result(session, capsys, monkeypatch):
    results = []
    rllibs_train = session.train
    monkeypatch.setattr(session, "train", lambda: results.append(rllibs_train()) or results[-1])
    main.train(session, 2, stop_reward=200)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4  # a heading, a line for each iteration, and the evaluation
    for number, (line, result) in enumerate(zip(lines[1:3], results), start=1):
        # RLlib keeps every finished episode's return in hist_stats.
        returns = result["hist_stats"]["episode_reward"]
        lengths = result["hist_stats"]["episode_lengths"]
        iteration, timesteps, highest, lowest, mean, length = line.split()
        assert int(iteration) == number
        assert int(timesteps.replace(",", "")) == 4096 * number
        assert highest == f"{max(returns):.2f}" == f"{result['episode_reward_max']:.2f}"
        assert lowest == f"{min(returns):.2f}" == f"{result['episode_reward_min']:.2f}"
        assert mean == f"{np.mean(returns):.2f}" == f"{result['episode_reward_mean']:.2f}"
        assert length == f"{np.mean(lengths):.1f}"


def test_an_iteration_without_a_finished_episode_says_so():
    result = {
        "training_iteration": 1,
        "timesteps_total": 64,
        "episode_reward_mean": float("nan"),
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


class Scripted:
    """An algorithm whose policy's weights are the number of its iteration."""

    iteration = 0
    exploration = type("", (), {"epsilon": staticmethod(lambda timestep: 0.0)})

    def __init__(self, means):
        self.means = means
        self.weights = 0

    def train(self):
        self.weights += 1
        mean = self.means[self.weights - 1]
        return {
            "training_iteration": self.weights,
            "timesteps_total": 4096 * self.weights,
            "episode_reward_max": mean,
            "episode_reward_min": mean,
            "episode_reward_mean": mean,
            "episode_len_mean": 1.0,
            "episodes_total": self.weights,
            "episodes_this_iter": 1,
            "hist_stats": {"episode_reward": [mean], "episode_lengths": [1]},
            "time_total_s": 1.0,
            "info": {"learner": {}},
        }

    def get_policy(self):
        return self

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


def scripted(means, evaluations, monkeypatch, stop_reward=200):
    """Train so; gives the iteration whose policy is kept, and those that were evaluated."""
    algorithm = Scripted(means)
    trained = []

    def evaluate(policy, game):
        trained.append(policy.weights)
        return np.array(evaluations[policy.weights])

    monkeypatch.setattr(main, "evaluate", evaluate)
    run = main.train(algorithm, len(means), stop_reward)
    assert {number: returns.tolist() for number, returns in run.evaluations.items()} == {
        number: evaluations[number] for number in trained
    }
    assert run.best == algorithm.weights  # the policy is that of the best evaluation
    numbers = [row["training_iteration"] for row in run.rows]
    assert numbers == [*range(1, len(numbers) + 1)]
    assert len(numbers) == max(trained)
    return run.best, trained


def test_training_stops_when_an_evaluation_confirms(monkeypatch):
    good = [250.0] * 9 + [10.0]
    assert scripted([100, 210, 220, 230], {2: good}, monkeypatch) == (2, [2])


def test_training_goes_on_when_an_evaluation_does_not_confirm(monkeypatch):
    low = [190.0] * 10
    patchy = [300.0] * 8 + [100.0] * 2  # a better mean than the last, but two in ten fail
    good = [250.0] * 10
    evaluations = {2: low, 5: patchy, 9: good}  # every third iteration at most
    means = [0, 200, 210, 220, 230, 200, 200, 199, 220, 0]
    assert scripted(means, evaluations, monkeypatch) == (9, [2, 5, 9])


def test_the_best_policy_that_was_evaluated_is_kept(monkeypatch):
    evaluations = {1: [120.0, 100.0], 4: [180.0, 190.0], 5: [90.0, 80.0]}
    assert scripted([200] * 5, evaluations, monkeypatch) == (4, [1, 4, 5])


def test_between_evaluations_the_training_episodes_decide():
    """A checkpoint of a run that was killed shows the best policy, as far as is known."""
    ascending = [
        main.quality(float("nan")),  # no episode has ended yet
        main.quality(-200.0),
        main.quality(250.0),
        main.quality(np.array([100.0, 120.0])),  # but an evaluation counts more
        main.quality(np.array([300.0] * 8 + [100.0] * 2)),
        main.quality(np.array([210.0] * 10)),  # solved
        main.quality(np.array([220.0] * 10)),
    ]
    assert all(worse < better for worse, better in zip(ascending, ascending[1:]))


def test_a_large_stop_reward_trains_on_to_the_end(monkeypatch):
    evaluations = {3: [250.0] * 10}
    assert scripted([210, 240, 250], evaluations, monkeypatch, 1e9) == (3, [3])


def test_evaluating_at_once_gives_what_flying_one_by_one_gives():
    class Pilot:
        """Main engine when falling fast, side engines against the tilt."""

        def compute_actions(self, observations, explore):
            assert explore is False
            fast, tilt = observations[:, 3] < -0.3, observations[:, 4]
            return np.where(fast, 2, np.where(tilt > 0.1, 3, np.where(tilt < -0.1, 1, 0))), [], {}

    pilot = Pilot()
    together = main.evaluate(pilot, episodes=12)
    alone = []
    for episode in range(12):
        env = gymnasium.make("LunarLander-v2")
        observation, _ = env.reset(seed=main.EVALUATION_SEED + episode)
        total, over = 0.0, False
        while not over:
            actions, _, _ = pilot.compute_actions(observation[None], explore=False)
            observation, reward, terminated, truncated, _ = env.step(int(actions[0]))
            total += reward
            over = terminated or truncated
        alone.append(total)
    assert together.tolist() == alone
    assert len(set(alone)) == 12


def test_a_random_policy_crashes_the_same_way_each_time():
    returns = main.evaluate(None, episodes=20)
    assert returns.tolist() == main.evaluate(None, episodes=20).tolist()
    assert -400 < returns.mean() < -100


def test_the_summary_counts_what_it_says():
    returns = np.array([200.0, 199.99, 250.0, -100.0])
    assert main.summary(returns) == (
        "mean 137.50, standard deviation 138.63, 2 of 4 at 200 or more"
    )
