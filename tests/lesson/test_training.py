"""Training, evaluating and printing, against RLlib's own result."""

import os
import re
import signal
import sys
import threading
from contextlib import contextmanager
from io import StringIO

import gymnasium
import numpy as np
import pytest
import ray
from helpers import run_here
from helpers.processes import wait_for
from starter.learning.random_policy import RandomPolicy

import main
from scripts import train
from starter import console
from starter.display import report
from starter.environments.environment import Environment
from starter.learning.build import build
from starter.storage.checkpoint import digest
from starter.storage.run import Run


def test_the_seed_decides_whatever_the_callers_random_state():
    begun = []
    for callers, seed in enumerate([0, 0, 1]):
        np.random.seed(callers)
        algorithm = build(train.configure(seed, main.LANDER, 0))
        batch = algorithm.workers.local_worker().sample().as_multi_agent()["default_policy"]
        weights = digest(algorithm.get_policy().get_weights())
        algorithm.stop()
        begun.append((weights, batch["actions"].tobytes(), batch["obs"].tobytes()))
    assert begun[0] == begun[1]
    assert all(len(set(values)) == 2 for values in zip(*begun))
    assert not ray.is_initialized()


class Scripted:
    """An algorithm whose policy's weights are the number of its iteration."""

    iteration = 0
    exploration = type("", (), {"epsilon": staticmethod(lambda timestep: 0.0)})

    def __init__(self, means, interrupted=()):  # Ctrl-C in these iterations
        self.means = means
        self.weights = 0
        self.interrupted = interrupted

    def train(self):
        self.weights += 1
        for _ in range(self.interrupted.count(self.weights)):
            os.kill(os.getpid(), signal.SIGINT)
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

    @contextmanager
    def averaged(self):
        yield self

    def get_policy(self):
        return self

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


def flights(mean, low=0):
    """200 returns with that mean; of each 20, so many miss 200 (by little: the others excel)."""
    misses = np.isin(np.arange(200) % 20, (0, 10, 11)[:low])
    return np.where(misses, 199.0, 199 + (mean - 199) * 20 / (20 - low))


def fly_as_told(returns_of, monkeypatch):
    """Let evaluations return what is told for the policy, from the first episode's seed on."""

    def evaluate(policy, environment, episodes, first_seed):
        at = first_seed - main.EVALUATION_SEED
        return returns_of(policy)[at : at + episodes]

    monkeypatch.setattr(main, "evaluate", evaluate)


LOW, GOOD = flights(190), flights(260)
UNSAFE, NINE = flights(260, low=3), flights(260, low=2)
LUCKY = np.concatenate([GOOD[:20], LOW[20:]])  # for 20 flights
FLATTERED = np.concatenate([GOOD[:100], UNSAFE[100:]])  # the last 100 do not confirm it


@pytest.mark.parametrize(
    ("means", "returns", "episodes", "best", "stop_return"),
    [
        ([0] * 20, {10: GOOD}, [200], 10, 250),  # iteration 10 is the first to be evaluated
        (
            [0] * 20,
            {10: LOW, 12: UNSAFE, 14: LUCKY, 16: NINE, 18: FLATTERED, 20: GOOD},
            [10, 20, 50, 100, 200, 200],
            20,
            250,
        ),
        # solved at 10, and no better 8 iterations later
        (
            [0] * 30,
            {10: NINE, 12: LOW, 14: NINE - 1, 16: LOW, 18: LOW},
            [100, 10, 100, 10, 10],
            10,
            250,
        ),
        ([0, 260, 0], {2: GOOD}, [200], 2, 250),  # a good training mean is evaluated earlier
        ([0] * 14, {10: NINE, 12: GOOD + 1, 14: LOW}, [100, 100, 100], 12, 1e9),  # to the end
    ],
)
def test_training_ends_when_all_flights_go_well_and_keeps_the_best(
    means, returns, episodes, best, stop_return, monkeypatch
):
    algorithm, run = Scripted(means), Run(None, main.LANDER)

    fly_as_told(lambda policy: returns[policy.weights], monkeypatch)
    main.train(algorithm, len(means), run, stop_return=stop_return)
    assert list(run.evaluations) == list(returns)
    assert [len(flown) for flown in run.evaluations.values()] == episodes
    for number, flown in run.evaluations.items():
        assert (flown == returns[number][: len(flown)]).all()
    assert run.best == algorithm.weights == best
    numbers = [row["training_iteration"] for row in run.rows]
    assert numbers == [*range(1, max(returns) + 1)]


@pytest.mark.parametrize(
    ("id", "goal", "thoroughly", "episodes"),
    [
        ("LunarLander-v2", 250, False, 10),
        ("LunarLander-v2", 250, True, 100),
        ("CliffWalking-v0", np.inf, False, 20),  # it has no threshold
        ("CliffWalking-v0", np.inf, True, 100),
        ("CliffWalking-v0", 100, False, 200),
    ],
)
def test_the_number_of_evaluation_episodes(id, goal, thoroughly, episodes, monkeypatch):
    flown = []

    def evaluate(policy, environment, episodes, first_seed):
        flown.extend(range(first_seed, first_seed + episodes))
        return np.full(episodes, 150.0)

    monkeypatch.setattr(main, "evaluate", evaluate)
    returns, confirmed = main.examine(None, Environment(id), goal, thoroughly)
    assert len(returns) == episodes
    assert confirmed == (episodes == 200)
    assert flown == list(range(main.EVALUATION_SEED, main.EVALUATION_SEED + episodes))


@pytest.mark.parametrize(("spread", "episodes"), [(100, 200), (60, 10)])
def test_a_good_policy_with_an_unlucky_start_is_evaluated_further(spread, episodes, monkeypatch):
    """Every evaluation begins with the same episodes, so they could hold a good policy up."""
    returns = np.tile([500.0 - spread / 2, 500.0 + spread / 2], 100)
    returns[:10] += 450 - 500

    fly_as_told(lambda policy: returns, monkeypatch)
    assert len(main.examine(None, Environment("CartPole-v1"), 475, False)[0]) == episodes


def test_between_evaluations_the_training_episodes_decide():
    """A checkpoint of a run that was killed shows the best policy, as far as is known."""
    ascending = [
        (float("nan"), False),  # no episode has ended yet
        (-200.0, False),
        (290.0, False),
        (LOW[:10], False),  # but an evaluation counts more
        (GOOD[:20], False),
        (NINE[:100] - 5, False),  # solved, by 100 episodes
        (NINE - 10, True),  # confirmed
    ]
    for worse, better in zip(ascending, ascending[1:]):
        for order in ([worse, better], [better, worse]):
            run = Run(None, main.LANDER)
            for iteration, (returns, confirmed) in enumerate(order):
                run.keep_if_best(Scripted([]), iteration, returns, confirmed)
            assert order[run.best] is better


class Interrupting(Run):
    """Ctrl-C comes as the second iteration is saved, too late for it to be the last."""

    def record(self, algorithm, result, last=False):
        super().record(algorithm, result, last)
        if len(self.rows) == 2:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    ("run_class", "interrupted", "iterations", "status"),
    [(Run, [2], 2, 0), (Run, [2, 2], 1, 130), (Interrupting, [], 3, 0)],
)
def test_ctrl_c_evaluates_and_a_second_one_quits(
    run_class, interrupted, iterations, status, monkeypatch
):
    monkeypatch.setattr(main, "evaluate", lambda *_: LOW[:100])
    run = run_class(None, main.LANDER)
    previous = signal.getsignal(signal.SIGINT)
    done = run_here(lambda: main.train(Scripted([0] * 9, interrupted), 9, run))
    assert signal.getsignal(signal.SIGINT) == previous
    assert done.returncode == status, done.stderr
    assert len(run.rows) == iterations
    assert list(run.evaluations) == [iterations] * (status == 0)


def test_an_error_in_an_iteration_ends_the_threads_of_the_bar(monkeypatch):
    terminal = type("Terminal", (StringIO,), {"isatty": lambda _: True})()
    monkeypatch.setattr(sys, "stdout", terminal)
    before = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError) as error, console.Iterations(1, 3) as counted:
        for iteration in counted:
            assert set(threading.enumerate()) != before
            iteration / 0
    wait_for(lambda: set(threading.enumerate()) == before, "the bar's threads", 5)
    del error  # until here it keeps the iterator alive, as it does when a program fails


def test_evaluating_at_once_returns_what_flying_one_by_one_returns():
    class Pilot:
        """Main engine when falling fast, side engines against the tilt."""

        def act(self, observations):
            fast, tilt = observations[:, 3] < -0.3, observations[:, 4]
            return np.where(fast, 2, np.where(tilt > 0.1, 3, np.where(tilt < -0.1, 1, 0)))

    pilot = Pilot()
    together = main.evaluate(pilot, episodes=12)
    alone = []
    for episode in range(12):
        env = gymnasium.make("LunarLander-v2")
        observation, _ = env.reset(seed=main.EVALUATION_SEED + episode)
        total, over = 0.0, False
        while not over:
            (action,) = pilot.act(observation[None])
            reward = 0
            for _ in range(2):  # frames in a timestep
                if not over:
                    observation, more, terminated, truncated, _ = env.step(int(action))
                    reward += more
                    over = terminated or truncated
            total += reward
        alone.append(total)
    assert together.tolist() == alone
    assert len(set(alone)) == 12


def test_a_random_policy_crashes_the_same_way_each_time():
    def crash(seed):
        return main.evaluate(RandomPolicy(main.LANDER, seed), episodes=20).tolist()

    assert crash(1) == crash(1) != crash(2)
    assert -400 < np.mean(crash(1)) < -100


def test_what_is_printed_counts_what_it_says():
    returns = np.array([200.0, 199.99, 250.0, -100.0])
    words = "mean 137.50, standard deviation 138.63"
    assert report.summary(returns, None) == words
    assert report.summary(returns, 200) == words + ", 2 of 4 at 200 or more"
    result = {"training_iteration": 1, "timesteps_total": 64, "episode_reward_mean": float("nan")}
    assert re.fullmatch(r" +1 +64  no episode has ended yet", report.statistics(result))
