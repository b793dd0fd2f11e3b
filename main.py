"""Train a DQN to land on the moon, then watch it fly.

    make                                    set up, train, watch
    make ITERATIONS=2 SEED=3                fewer iterations, another seed
    .venv/bin/python main.py --help         every flag

Read it from top to bottom: main(), at the end, calls the functions above it. Other environments,
checkpoints, more processes and machines are for scripts/train.py and watch.py.
"""

from starter import preflight

preflight.check()  # the imports below would fail outside the pinned environment

from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import numpy as np
from typer import Option

from starter import console
from starter.display import curve, report
from starter.display.view import EPISODES_FLAG, RENDER_FLAG, Render, check_can_render, open_view
from starter.environments import environment as environments
from starter.evaluation import FRESH_SEED, Goal, random_pilot
from starter.storage.run import open_run

ITERATIONS = 60  # at most; 12 of the seeds 1 to 20 stop after 8
STOP_RETURN = 250  # greedy mean return to stop at; 200 already counts as solved
PATIENCE = 8  # iterations without a better policy, once one has solved the lander


def configure(seed, environment):
    """Return all settings of the algorithm, as RLlib's `DQNConfig`."""
    from starter.learning.fast_dqn import FastDQNConfig  # takes seconds; --help need not wait

    return (
        FastDQNConfig(environment, seed)
        # Play 16 environments in lockstep, so that one call of the network serves them all.
        # A fragment is 32 timesteps of each, 512 in all.
        .rollouts(num_envs_per_worker=16, rollout_fragment_length=32)
        # A random action is held for up to 0.2 seconds: a shorter one changes little.
        .exploration(
            exploration_config={
                "epsilon": [(0, 1.0), (3_000, 0.15)],  # by timestep: the share that is random
                "seconds": 0.2,
            }
        )
        .training(
            gamma=0.99,  # the discount: a reward one timestep later counts 1 % less
            # By timestep, with straight lines between. Smaller updates later keep what works.
            lr_schedule=[[0, 3e-3], [40_000, 1e-3]],
            n_step=3,  # rewards travel back three timesteps per update
            num_steps_sampled_before_learning_starts=1_000,
            # Replay 16 timesteps for each one played: after a fragment, 16 * 512 / 128 updates.
            training_intensity=16,
            train_batch_size=128,
            target_network_update_freq=512,  # timesteps: once per fragment
            double_q=True,
            model={"fcnet_hiddens": [128], "fcnet_activation": "relu"},
            dueling=True,  # then two heads: the mean Q-value, and how each action differs from it
            hiddens=[64],  # of each head
            grad_clip=None,  # not needed: the Huber loss is linear beyond an error of 1
            ema_decay=0.8,  # the average of the weights is evaluated, the best one kept
            margin=1.0,  # greedily, only an engine that promises so much more return ends a pause
            replay_buffer_config={
                "capacity": 50_000,  # timesteps; older ones, from worse policies, slow learning
                "reward_scale": 0.05,  # keeps targets near the outputs of a new network, around 0
                "mirrored": 0.5,  # left and right swapped in half of a batch: also true flights
            },
        )
        .reporting(min_sample_timesteps_per_iteration=4_096)
    )


def build_algorithm(seed, environment):
    """Return an RLlib `Algorithm` that has learned nothing yet.

    RLlib hides the update, which is the heart of DQN. One update is:

        batch = replay_buffer.sample(128)                  # of 3 scaled rewards; half mirrored
        best = argmax(network(batch.next_observations))    # double_q: the network chooses,
        value = target_network(batch.next_observations)[best]      # the target network rates
        value = 0 where terminated                         # but not where time ran out
        target = batch.rewards + gamma**3 * value          # n_step
        error = target - network(batch.observations)[batch.actions]
        loss = mean(huber(error))
        network -= learning_rate * adam(gradient(loss))    # lr_schedule; Adam evens out the steps

    After each fragment's updates, target_network = network (target_network_update_freq), and
    average = 0.8 * average + 0.2 * network (ema_decay).
    """
    return configure(seed, environment).build()


def train(algorithm, environment, iterations, run, stop_return=STOP_RETURN, patience=PATIENCE):
    """Train up to iteration `iterations`, or until Ctrl-C; return the best policy's weights.

    Training stops earlier once a policy passes an evaluation of 200 flights: a mean of at least
    `stop_return` and, on the lander, 95 % of flights at 200 or more. It also stops when the best
    policy has solved the environment and is `patience` iterations old. See starter/evaluation.py.
    """
    best, goal = run.best, Goal(environment, stop_return, patience, start=algorithm.iteration)
    fly = partial(evaluate, algorithm.greedy, environment)  # with the averaged weights
    print(report.HEADING)
    with closing(console.iterations(algorithm.iteration + 1, iterations)) as counted:
        for iteration in counted:
            result = algorithm.train()
            print(report.statistics(result))
            mean, evaluation = result["episode_reward_mean"], None
            if goal.is_due(iteration, mean):
                evaluation = goal.evaluate(fly)
                print("greedy policy:", report.summary(evaluation.returns, environment.solved))
            best.offer(iteration, algorithm.average, evaluation, mean)
            run.record(algorithm, result, evaluation)
            curve.update(run, algorithm, environment.solved)
            if (evaluation and evaluation.passed) or goal.out_of_patience(best, iteration):
                break
    return best.weights


def evaluate(pilot, environment, episodes=100, first_seed=FRESH_SEED):
    """Fly episodes side by side; return an array of their returns, shape (episodes,).

    `pilot` takes observations, shape (n, ...), and the previous actions, shape (n,), at first 0;
    it returns actions, shape (n,).
    """
    returns, actions = np.zeros(episodes), np.zeros(episodes, int)
    for first in range(0, episodes, environment.copies):  # open at most this many at once
        numbers = range(first, min(first + environment.copies, episodes))
        with ExitStack() as stack:
            flying = {i: stack.enter_context(environment.make()) for i in numbers}
            observations = {i: env.reset(seed=first_seed + i)[0] for i, env in flying.items()}
            while flying:  # one call of the pilot for all that have not ended
                left = list(flying)
                actions[left] = pilot(np.stack([observations[i] for i in left]), actions[left])
                for i in left:
                    observations[i], reward, terminated, truncated, _ = flying[i].step(actions[i])
                    returns[i] += reward
                    if terminated or truncated:
                        del flying[i]
    return returns


def watch(pilot, environment, seed, episodes, view):
    """Fly `episodes` (None: the view decides); show every timestep in `view`."""
    with environment.make(view.render_mode) as env:
        for flight in view.flights(episodes):
            observation, _ = env.reset(seed=seed + flight.episode)
            action, ended = 0, False
            while not ended:
                q_values = pilot.q_values([observation])
                [action] = pilot.choose(q_values, [action])
                view.show(flight, env.render, q_values[0], action)
                observation, reward, terminated, truncated, _ = env.step(action)
                flight.rewards.append(reward)
                ended = terminated or truncated
            episode_return = sum(flight.rewards)
            verdict = environment.verdict(observation, terminated, episode_return)
            view.end(flight, env.render, verdict)
            print(f"episode {flight.episode}: return {episode_return:.2f}")


def main(
    iterations: int = Option(ITERATIONS, min=1, help="Train at most this many iterations."),
    seed: int = Option(0, min=0, help="Set the random seed; the same one repeats a run."),
    render: Render = RENDER_FLAG,
    episodes: int = EPISODES_FLAG,
    output: Path = Option("runs", help="Create the run's folder in this one."),
):
    """Train a DQN on LunarLander-v2, and show what it learned."""
    # 25 decisions a second, not 50.
    environment = environments.load("LunarLander-v2", action_repeat=2)
    check_can_render(render, environment)
    # 1. Configure and build.
    algorithm = build_algorithm(seed, environment)
    pilot = algorithm.greedy  # with mirror images and the margin
    with open_run(output, algorithm, environment, seed, iterations=iterations) as run:
        # 2. Train.
        pilot.use(train(algorithm, environment, iterations, run))
        # 3. Evaluate, on fresh flights, used neither in training nor in choosing the policy.
        trained = evaluate(pilot, environment)
        random = evaluate(random_pilot(environment, seed), environment)
        run.finish(trained=trained, random=random)
        curve.update(run, algorithm, environment.solved, last=True)
        print(report.outcome(run, environment, trained, random))
        # 4. Watch.
        with open_view(render, run.folder, environment, pilot.policy.config) as view:
            watch(pilot, environment, seed, episodes, view)


if __name__ == "__main__":
    console.run(main)
