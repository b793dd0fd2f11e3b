"""Train a DQN to land on the moon, then watch it fly.

    make                                    set up, train, watch
    make ITERATIONS=2 SEED=3                fewer iterations, another seed
    .venv/bin/python main.py --help         every flag

Read it from top to bottom: main(), at the end, calls the functions above it in order. Everything
else that one may want has its own command: scripts/train.py trains other environments, resumes,
and uses more processes or machines; scripts/watch.py shows a policy that was trained before.
"""

from starter import preflight

preflight.check()  # the imports below would fail outside the pinned environment

from contextlib import closing
from pathlib import Path

import numpy as np
from typer import Option

from starter import console
from starter.display import report
from starter.display.view import Render, open_view, require
from starter.environments.environment import Environment
from starter.learning.random_policy import RandomPolicy
from starter.storage.run import opened

LANDER = Environment("LunarLander-v2")
ITERATIONS = 60  # most seeds are solved in half of them
EVALUATION_SEED = 1_000_000  # of the first evaluation episode: every run flies the same ones
# The network learns from rewards multiplied by this. A new network predicts values near 0, far
# from returns in the hundreds, and the Huber loss treats errors of 10 and of 100 alike.
REWARD_SCALE = 0.05
ONE_THREAD = {"intra_op_parallelism_threads": 1, "inter_op_parallelism_threads": 1}


def configure(seed, environment=LANDER):
    """Return every choice of the algorithm, as RLlib's `DQNConfig`."""
    # Imported here, because they take seconds: --help and a mistyped flag need not wait.
    from ray.rllib.algorithms.dqn import DQNConfig

    from starter.learning.adapter import GymnasiumAdapter
    from starter.learning.exploration import TemporallyExtendedEpsilonGreedy
    from starter.learning.lean_dqn import LeanDQN
    from starter.learning.replay_buffer import ColumnarReplayBuffer
    from starter.learning.sampler import lockstep_sampler

    # RLlib takes seed 0 for "no seed", and seeds its environments with seed, seed + 1, ...
    # So the seed is spread over 1 to 2**31, where two runs hardly ever share an environment.
    spread_seed = 1 + int(np.random.SeedSequence(seed).generate_state(1)[0] >> 1)
    batch_size = 128

    return (
        # Without LeanDQN, RLlib's own DQN learns exactly the same in half as much time again.
        DQNConfig(algo_class=LeanDQN)
        # RLlib's own check of the environment would play some timesteps beforehand.
        .environment(GymnasiumAdapter, env_config=environment.config, disable_env_checking=True)
        .debugging(seed=spread_seed, log_level="ERROR")
        # Play 16 environments in lockstep, so that one call of the network serves them all:
        # 32 timesteps of each, then 64 updates. RLlib takes a sampler as "offline data".
        .rollouts(num_rollout_workers=0, num_envs_per_worker=16, rollout_fragment_length=32)
        .offline_data(input_=lockstep_sampler)
        # Epsilon is the share of random actions: all at first, then 15 %, in the end 1 %.
        # Each is held for up to a fifth of a second, or it would change nothing: such a push
        # brings a hovering lander down, and it finds that landing pays.
        .exploration(
            exploration_config={
                "type": TemporallyExtendedEpsilonGreedy,
                "epsilon": [(0, 1.0), (15_000, 0.15), (60_000, 0.15), (90_000, 0.01)],
                "longest": 10,
            }
        )
        .training(
            gamma=0.99,  # the discount: a reward one timestep later counts 1 % less
            # Large steps at first, then small enough to keep what works.
            lr_schedule=[[0, 1e-3], [100_000, 2e-4]],
            # Three rewards before the estimate: late rewards travel back three times as fast.
            n_step=3,
            # Replay 16 timesteps for each one played; 32 take as long in the end.
            training_intensity=16,
            # Four times RLlib's 32 rows take less than twice as long.
            train_batch_size=batch_size,
            # Copy the network to the target network every 1,000 timesteps.
            target_network_update_freq=1_000,
            double_q=True,
            # One layer of 128 units, then two heads of 64: the state's value and the advantage
            # of each action. RLlib's two layers of 256 with tanh take three times as long.
            model={"fcnet_hiddens": [128], "fcnet_activation": "relu"},
            dueling=True,
            hiddens=[64],
            replay_buffer_config={
                "type": ColumnarReplayBuffer,
                "capacity": 100_000,  # most of a run: the early crashes stay in it
                "batch_size": batch_size,
                "seed": spread_seed,
                "reward_scale": REWARD_SCALE,
            },
        )
        # An iteration is counted in timesteps; a clock would make runs differ.
        .reporting(min_sample_timesteps_per_iteration=4_096, min_time_s_per_iteration=None)
        # The networks are so small that a second thread would only wait for the first.
        .framework("tf", tf_session_args=ONE_THREAD, local_tf_session_args=ONE_THREAD)
        # One call of TensorFlow per update; RLlib's default makes two, for GPUs.
        .update_from_dict({"simple_optimizer": True})
    )


def build_algorithm(seed, environment=LANDER):
    """Return an RLlib `Algorithm` that has learned nothing yet.

    RLlib hides the update, which is the heart of DQN. One update is:

        batch = replay_buffer.sample(128)                  # replay_buffer_config, train_batch_size
        best = argmax(network(batch.next_observations))    # double_q: the network chooses,
        value = target_network(batch.next_observations)[best]      # the target network rates
        target = batch.rewards + gamma**3 * value          # n_step: rewards sums up three
        error = target - network(batch.observations)[batch.actions]    # the TD error
        loss = mean(huber(error))                          # RLlib's loss: linear beyond 1
        network = adam(gradient(loss), learning_rate)      # lr_schedule
        every 1,000 timesteps: target_network = network    # target_network_update_freq

    After the end of an episode value is 0, but after a time limit it is not: the episode could
    have gone on.
    """
    from starter.learning.build import build

    return build(configure(seed, environment))


def train(algorithm, iterations, run, environment=LANDER, stop_return=LANDER.solved):
    """Train until solved, for at most `iterations`, or until Ctrl-C; leave the best policy in it.

    RLlib's statistics of each iteration are printed. Solved is what a greedy evaluation
    confirms once the training episodes, with their random actions, average `stop_return`.
    """
    policy = algorithm.get_policy()
    next_evaluation = 1
    print(report.HEADING)
    with console.Iterations(algorithm.iteration + 1, iterations) as counted:
        for iteration in counted:
            result = algorithm.train()
            print(report.statistics(result))
            mean = result["episode_reward_mean"]
            last = counted.interrupted or iteration == iterations
            if last or (mean >= stop_return and iteration >= next_evaluation):
                next_evaluation = iteration + 3  # an evaluation takes longer than an iteration
                returns = evaluate(policy, environment)
                print(f"greedy policy: {report.summary(returns, environment.solved)}")
                solved = run.keep_if_best(policy, iteration, returns)
                last = last or (solved and returns.mean() >= stop_return)
            else:
                run.keep_if_best(policy, iteration, mean)
            run.record(algorithm, result, last)
            if last:
                break
    policy.set_weights(run.weights)


def evaluate(policy, environment=LANDER, episodes=100, first_seed=EVALUATION_SEED):
    """Fly `episodes` at once, without random actions; return their returns, shape (episodes,).

    Each timestep is one call of the network for all episodes that have not ended.
    """
    envs = [environment.make() for _ in range(episodes)]
    observations = np.stack([env.reset(seed=first_seed + i)[0] for i, env in enumerate(envs)])
    returns = np.zeros(episodes)
    flying = list(range(episodes))
    while flying:
        # Without explore=False, RLlib would take random actions now and then.
        actions, _, _ = policy.compute_actions(observations[flying], explore=False)
        ended = set()
        for i, action in zip(flying, actions):
            observations[i], reward, terminated, truncated, _ = envs[i].step(int(action))
            returns[i] += reward
            if terminated or truncated:
                ended.add(i)
        flying = [i for i in flying if i not in ended]
    return returns


def watch(policy, seed, episodes, view, environment=LANDER):
    """Fly `episodes` (None: as many as the view likes) greedily; show every timestep in `view`."""
    with closing(environment.make(view.render_mode)) as env:
        for flight in view.flights(episodes):
            observation, _ = env.reset(seed=seed + flight.episode)
            ended = False
            while not ended:
                action, _, extra = policy.compute_single_action(observation, explore=False)
                view.show(flight, env.render, extra["q_values"], action)
                observation, reward, terminated, truncated, _ = env.step(action)
                flight.rewards.append(reward)
                ended = terminated or truncated
            episode_return = sum(flight.rewards)
            verdict = environment.verdict(observation, reward, truncated, episode_return)
            view.end(flight, env.render, verdict)
            print(f"episode {flight.episode}: return {episode_return:.2f}")


def main(
    iterations: int = Option(ITERATIONS, min=1, help="Maximum number of training iterations."),
    seed: int = Option(0, min=0, help="Random seed: the same seed, the same run."),
    render: Render = Option("auto", help="Where to show it; auto: a window, or else a GIF."),
    episodes: int = Option(
        None, min=1, help="Episodes to show.", show_default="3; in a window, until it is closed"
    ),
    output: Path = Option("runs", help="Folder for the runs' folders."),
):
    """Train a DQN on LunarLander-v2, and show what it learned."""
    require(render, LANDER)
    # 1. Configure and build.
    algorithm = build_algorithm(seed)
    with opened(output, algorithm, LANDER, seed, iterations=iterations) as run:
        # 2. Train.
        train(algorithm, iterations, run)
        # 3. Evaluate.
        random = evaluate(RandomPolicy(LANDER, EVALUATION_SEED))
        run.save_evaluations(random=random)
        print(report.outcome(run, LANDER, random))
        # 4. Watch.
        policy = algorithm.get_policy()
        with open_view(render, run.folder, LANDER, policy.config) as view:
            watch(policy, seed, episodes, view)


if __name__ == "__main__":
    console.run(main)
