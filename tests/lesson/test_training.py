"""Training, evaluating and printing, against RLlib's own result."""

import os
import re
import signal
import sys
import threading
from io import StringIO

import gymnasium
import numpy as np
import pytest
import ray
from helpers import run_here
from helpers.processes import wait_for

import main
from scripts import train
from starter import console
from starter.display import report
from starter.learning.build import build
from starter.learning.random_policy import RandomPolicy
from starter.storage.checkpoint import digest
from starter.storage.run import Run


def test_the_seed_decides_whatever_the_callers_random_state():
    begun = []
    for callers, seed in enumerate([0, 0, 1, (0, 2)]):  # the last: 0, resumed after 2 iterations
        np.random.seed(callers)
        algorithm = build(train.configure(seed, main.LANDER, 0))
        batch = algorithm.workers.local_worker().sample().as_multi_agent()["default_policy"]
        weights = digest(algorithm.get_policy().get_weights())
        algorithm.stop()
        begun.append((weights, batch["actions"].tobytes(), batch["obs"].tobytes()))
    assert begun[0] == begun[1]
    assert all(len(set(values)) == 3 for values in zip(*begun))
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

    def get_policy(self):
        return self

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


LOW, GOOD = [190.0] * 10, [250.0] * 10
ONE_CRASH = [250.0] * 9 + [10.0]
TWO_CRASHES = [300.0] * 8 + [100.0] * 2  # a better mean than the last, but two in ten fail


@pytest.mark.parametrize(
    ("means", "evaluations", "best", "stop_return"),
    [
        ([100, 210, 220, 230], {2: ONE_CRASH}, 2, 200),  # stops when an evaluation confirms
        ([200] * 5, {1: [120.0, 100.0], 4: [180.0, 190.0], 5: [90.0, 80.0]}, 4, 200),
        ([0, *[200] * 6, 199, 220, 0], {2: LOW, 5: TWO_CRASHES, 9: GOOD}, 9, 200),
        ([210, 240, 250], {3: GOOD}, 3, 1e9),  # trains to the end
    ],
)
def test_training_ends_when_an_evaluation_confirms_and_keeps_the_best(
    means, evaluations, best, stop_return, monkeypatch
):
    algorithm, run = Scripted(means), Run(None, main.LANDER)
    monkeypatch.setattr(main, "evaluate", lambda policy, _: np.array(evaluations[policy.weights]))
    main.train(algorithm, len(means), run, stop_return=stop_return)
    assert {number: list(returns) for number, returns in run.evaluations.items()} == evaluations
    assert run.best == algorithm.weights == best
    numbers = [row["training_iteration"] for row in run.rows]
    assert numbers == [*range(1, max(evaluations) + 1)]


def test_between_evaluations_the_training_episodes_decide():
    """A checkpoint of a run that was killed shows the best policy, as far as is known."""
    ascending = [
        float("nan"),  # no episode has ended yet
        -200.0,
        250.0,
        np.array([100.0, 120.0]),  # but an evaluation counts more
        np.array(TWO_CRASHES),
        np.array([210.0] * 10),  # solved
        np.array(GOOD),
    ]
    for worse, better in zip(ascending, ascending[1:]):
        for order in ([worse, better], [better, worse]):
            run = Run(None, main.LANDER)
            for iteration, returns in enumerate(order):
                run.keep_if_best(Scripted([]), iteration, returns)
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
    monkeypatch.setattr(main, "evaluate", lambda *_: np.array(LOW))
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
