"""Evaluation in stages, which policy is the best, and when training stops."""

import gymnasium
import numpy as np
import pytest
from helpers import PROJECT

import main
from starter import trained
from starter.display.view import View
from starter.environments.environment import load
from starter.evaluation import (
    EVALUATION_SEED,
    FIRST_EVALUATION,
    STAGES,
    SURE,
    Best,
    Evaluation,
    Goal,
    is_solved,
)
from starter.learning.pilots import Greedy

LANDER, CARTPOLE = load("LunarLander-v2"), load("CartPole-v1")
NO_THRESHOLD = load("CliffWalking-v0")
MOST = STAGES[-1]


def flights(mean, misses=0.0):
    """Return as many returns as an evaluation flies, with that mean and share just below 200."""
    low = np.arange(MOST) % 20 < 20 * misses
    return np.where(low, 199.0, (mean - 199 * low.mean()) / (1 - low.mean()))


def evaluate(returns, environment=LANDER, stop_return=250):
    """Return the evaluation of a policy whose episodes, from the first seed on, return this."""

    def fly(episodes, first_seed):
        return returns[first_seed - EVALUATION_SEED :][:episodes]

    return Goal(environment, stop_return, patience=8).evaluate(fly)


@pytest.mark.parametrize(
    ("returns", "episodes", "solved", "passed"),
    [
        (flights(260), MOST, True, True),
        (flights(190), STAGES[0], False, False),
        (flights(260, misses=0.15), STAGES[0], False, False),  # the mean hides crashes
        (flights(240), SURE, True, False),  # it solves it, and training aims higher
        (np.append(flights(255)[:SURE], flights(240)[SURE:]), MOST, True, False),  # not confirmed
    ],
)
def test_an_evaluation_ends_at_the_stage_that_a_policy_fails(returns, episodes, solved, passed):
    found = evaluate(returns)
    assert found.returns.tolist() == returns[:episodes].tolist()
    assert (found.solved, found.passed) == (solved, passed)


@pytest.mark.parametrize(("spread", "episodes"), [(100, MOST), (60, STAGES[0])])
def test_a_good_policy_with_an_unlucky_start_is_evaluated_further(spread, episodes):
    """Every evaluation begins with the same episodes, so they could hold a good policy up."""
    returns = np.tile([500.0 - spread / 2, 500.0 + spread / 2], MOST // 2)
    returns[: STAGES[0]] -= 50
    assert len(evaluate(returns, CARTPOLE, 475).returns) == episodes


def test_without_a_threshold_means_are_compared_over_more_episodes():
    assert len(evaluate(flights(100), NO_THRESHOLD, np.inf).returns) == STAGES[1]
    assert evaluate(flights(100), NO_THRESHOLD, 90).passed


def test_only_100_episodes_say_that_an_environment_is_solved():
    assert is_solved(flights(201)[:SURE], LANDER)
    assert not is_solved(flights(201)[: SURE - 1], LANDER)
    assert not is_solved(flights(250, misses=0.15), LANDER)
    assert is_solved(np.full(SURE, 475.0), CARTPOLE)
    assert not is_solved(np.full(SURE, 1e9), NO_THRESHOLD)


def test_when_to_evaluate():
    goal = Goal(LANDER, stop_return=250, patience=8)
    first = next(n for n in range(1, 1000) if goal.is_due(n, training_mean=0))
    assert first >= FIRST_EVALUATION
    assert not goal.is_due(first + 1, 0)
    assert goal.is_due(first + 2, 0)
    assert goal.is_due(2, training_mean=260)  # a good training mean is no chance
    assert not goal.is_due(2, float("nan"))


def test_the_best_is_confirmed_then_solved_then_evaluated_then_has_the_larger_mean():
    ascending = [
        (None, float("nan")),  # no episode has ended yet
        (None, -200.0),
        (None, 290.0),
        (Evaluation(flights(190)[:10], False, False), 0),
        (Evaluation(flights(260)[:20], False, False), 0),
        (Evaluation(flights(240)[:100], True, False), 0),
        (Evaluation(flights(235), True, True), 0),
    ]
    for worse, better in zip(ascending, ascending[1:]):
        for order in ([worse, better], [better, worse]):
            best = Best()
            for iteration, (evaluation, mean) in enumerate(order, start=1):
                best.offer(iteration, {"kernel": iteration}, evaluation, mean)
            assert order[best.iteration - 1] is better
            assert best.weights == {"kernel": best.iteration}


def test_patience_counts_from_the_best_policy_and_anew_when_resumed():
    best = Best()
    best.offer(10, {}, Evaluation(flights(240)[:100], True, False), 0)
    goal = Goal(LANDER, stop_return=250, patience=8)
    assert [goal.out_of_patience(best, iteration) for iteration in (17, 18)] == [False, True]
    goal = Goal(LANDER, stop_return=250, patience=8, start=18)
    assert [goal.out_of_patience(best, iteration) for iteration in (25, 26)] == [False, True]
    best.offer(11, {}, Evaluation(flights(245)[:100], True, False), 0)
    unsolved = Best()
    unsolved.offer(1, {}, Evaluation(flights(100)[:10], False, False), 0)
    assert not goal.out_of_patience(unsolved, 1_000)


@pytest.mark.parametrize("copies", [3, 100])
def test_flying_at_once_returns_what_flying_one_by_one_returns(copies, monkeypatch):
    def pilot(observations, previous):
        """Main engine when falling fast, or else one against the tilt; only after a pause."""
        fast, tilt = observations[:, 3] < -0.3, observations[:, 4]
        return np.where(np.equal(previous, 0), np.where(fast, 2, np.where(tilt > 0, 3, 1)), 0)

    monkeypatch.setattr(LANDER, "copies", copies)
    together = main.evaluate(pilot, LANDER, episodes=8, first_seed=5)
    alone = []
    for episode in range(8):
        env = gymnasium.make("LunarLander-v2")
        observation, _ = env.reset(seed=5 + episode)
        action, total, over = 0, 0.0, False
        while not over:
            (action,) = pilot(observation[None], [action])
            reward = 0
            for _ in range(LANDER.action_repeat):
                if not over:
                    observation, more, terminated, truncated, _ = env.step(int(action))
                    reward += more
                    over = terminated or truncated
            total += reward
        alone.append(total)
    assert together.tolist() == alone
    assert len(set(alone)) == 8


def test_watching_flies_as_an_evaluation_does(capsys):
    demo, lander, *_ = trained.load(PROJECT / "docs" / "demo")
    pilot = Greedy(demo.policy, lander.mirror, margin=3.0)  # enough to matter in each flight
    main.watch(pilot, lander, 0, 3, View(None, lander, pilot.policy.config, plain=True))
    flown = [main.evaluate(pilot, lander, episodes=1, first_seed=n).item() for n in (1, 2, 3)]
    shown = [f"episode {n}: return {value:.2f}" for n, value in enumerate(flown, start=1)]
    assert capsys.readouterr().out.splitlines() == shown


def test_the_demo_lands_whatever_main_py_says_now():
    demo = trained.load(PROJECT / "docs" / "demo")
    returns = main.evaluate(demo.pilot, demo.environment, episodes=20, first_seed=77)
    assert returns.mean() > 200
    assert np.median(returns) > 220
