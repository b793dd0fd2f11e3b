"""Train a DQN to land on the moon, then watch it fly.

    make                                    set up, train, watch
    make ITERATIONS=2 SEED=3                fewer iterations, another seed
    .venv/bin/python main.py --help         every flag

Read it from top to bottom: main(), at the end, calls the functions above it in order. Other
environments, checkpoints, more processes and machines are for scripts/train.py and watch.py.
"""

from starter import preflight

preflight.check()  # the imports below would fail outside the pinned environment

from contextlib import closing
from pathlib import Path

import numpy as np
from typer import Option

from starter import console
from starter.display import report
from starter.display.view import EPISODES_FLAG, RENDER_FLAG, Render, open_view, require
from starter.environments.environment import Environment
from starter.learning.random_policy import RandomPolicy
from starter.storage.run import opened

LANDER = Environment("LunarLander-v2", action_repeat=2)  # 25 decisions a second, not 50
ITERATIONS = 60  # at most; half of seeds 1 to 20 stop within 16
FIRST_EVALUATION = 10  # an iteration; before it, a policy is rarely good
EVALUATE_EVERY = 2  # iterations: an evaluation can take as long as an iteration
AIM = 250  # train to this mean return, above the 200 that count as solved
PATIENCE = 8  # iterations without a better policy, once one has solved it
EVALUATION_SEED = 1_000_000  # of the first evaluation episode: every run flies the same ones
REWARD_SCALE = 0.05  # of what is learned: a new network predicts values near 0, not hundreds
ONE_THREAD = {"intra_op_parallelism_threads": 1, "inter_op_parallelism_threads": 1}


def configure(seed, environment=LANDER):
    """Return every choice of the algorithm, as RLlib's `DQNConfig`."""
    # These take seconds to import, which --help need not wait for.
    from starter.learning.adapter import GymnasiumAdapter
    from starter.learning.averaging_dqn import AveragingDQNConfig
    from starter.learning.exploration import TemporallyExtendedEpsilonGreedy
    from starter.learning.replay_buffer import ColumnarReplayBuffer
    from starter.learning.sampler import lockstep_sampler

    # RLlib takes 0 for "no seed", and seeds environments with seed, seed + 1, ... So the seed is
    # spread over 1 to 2**31, where two runs hardly ever share an environment.
    spread_seed = 1 + int(np.random.SeedSequence(seed).generate_state(1)[0] >> 1)

    return (
        AveragingDQNConfig(average_share=0.03)  # the averaged weights are evaluated and kept
        # RLlib's own check of the environment would play some timesteps beforehand.
        .environment(GymnasiumAdapter, env_config=environment.config, disable_env_checking=True)
        .debugging(seed=spread_seed, log_level="ERROR")
        # Play 16 environments in lockstep, so that one call of the network serves them all:
        # 32 timesteps of each, then 64 updates. RLlib calls any other sampler "offline data".
        .rollouts(num_rollout_workers=0, num_envs_per_worker=16, rollout_fragment_length=32)
        .offline_data(input_=lockstep_sampler)
        # A random action is held for up to 0.2 seconds: a shorter one changes little.
        .exploration(
            exploration_config={
                "type": TemporallyExtendedEpsilonGreedy,
                "epsilon": [(0, 1.0), (10_000, 0.15)],  # by timestep: the share of random actions
                "seconds": 0.2,
                "frames_per_second": environment.frames_per_second,  # one per timestep
            }
        )
        .training(
            gamma=0.99,  # the discount: a reward one timestep later counts 1 % less
            # By timestep, with straight lines between: smaller steps keep what works.
            lr_schedule=[[0, 3e-3], [40_000, 1e-3]],
            grad_clip=None,  # the Huber loss has no steep gradients
            n_step=3,  # late rewards travel back three times as fast
            training_intensity=16,  # replay 16 timesteps for each one played
            train_batch_size=128,
            target_network_update_freq=512,  # timesteps: after each 64 updates
            double_q=True,
            # 128 units, then two heads of 64: the state's value, and each action's advantage.
            model={"fcnet_hiddens": [128], "fcnet_activation": "relu"},
            dueling=True,
            hiddens=[64],
            replay_buffer_config={
                "type": ColumnarReplayBuffer,
                "capacity": 50_000,  # timesteps of older, worse policies slow learning down
                "seed": spread_seed,
                "reward_scale": REWARD_SCALE,
            },
        )
        .reporting(min_sample_timesteps_per_iteration=4_096, min_time_s_per_iteration=None)
        .framework("tf", tf_session_args=ONE_THREAD, local_tf_session_args=ONE_THREAD)
        .update_from_dict({"simple_optimizer": True})  # the default one is for GPUs
    )


def build_algorithm(seed, environment=LANDER):
    """Return an RLlib `Algorithm` that has learned nothing yet.

    RLlib hides the update, which is the heart of DQN. One update is:

        batch = replay_buffer.sample(128)                  # its rewards times REWARD_SCALE
        best = argmax(network(batch.next_observations))    # double_q: the network chooses,
        value = target_network(batch.next_observations)[best]      # the target network rates
        target = batch.rewards + gamma**3 * value          # n_step; value is 0 after an end,
        error = target - network(batch.observations)[batch.actions]    # but not a time limit's
        loss = mean(huber(error))                          # RLlib's loss: linear beyond 1
        network = adam(gradient(loss), learning_rate)      # one step; lr_schedule

    After every 64 updates, target_network = network (target_network_update_freq), and
    average += 0.03 * (network - average) (average_share).
    """
    from starter.learning.build import build

    return build(configure(seed, environment))


def train(algorithm, iterations, run, environment=LANDER, stop_return=AIM, patience=PATIENCE):
    """Train for `iterations` at most, or until Ctrl-C; keep the best policy.

    It ends earlier when all 200 evaluation episodes go well (see `examine`), or `patience`
    iterations after the best policy, once that one has solved the environment.
    """
    interval = max(EVALUATE_EVERY, environment.evaluation_interval)
    print(report.HEADING)
    with console.Iterations(algorithm.iteration + 1, iterations) as counted:
        for iteration in counted:
            result = algorithm.train()
            print(report.statistics(result))
            last = counted.interrupted or iteration == iterations
            promising = (
                iteration >= FIRST_EVALUATION or result["episode_reward_mean"] >= stop_return
            )
            with algorithm.averaged() as policy:
                if last or (promising and iteration % interval == 0):
                    returns, confirmed = examine(policy, environment, stop_return, last)
                    print(f"greedy policy: {report.summary(returns, environment.solved)}")
                    run.keep_if_best(policy, iteration, returns, confirmed)
                    last = last or confirmed or run.solved_since(iteration) >= patience
                else:  # a mean with random actions in it counts less than any evaluation
                    run.keep_if_best(policy, iteration, result["episode_reward_mean"])
            run.record(algorithm, result, last)
            if last:
                break
    algorithm.get_policy().set_weights(run.weights)


def examine(policy, environment, stop_return, thoroughly):
    """Evaluate 10 episodes, then 20 in all, then 50, 100 and 200, as long as they go well.

    If `thoroughly`, evaluate 100 however they go.

    Return the returns, and whether all 200 went well: their mean reaches `stop_return`, and 95 %
    of landers reach 200. The last 100 confirm the policy: they had no part in choosing it.
    """
    returns = np.zeros(0)
    stages = [10, 20, 50, 100, 200]
    if environment.solved is None:
        stages.remove(10)  # with no threshold, only means are compared: ten say too little
    for episodes in stages:
        number = len(returns)
        more = evaluate(policy, environment, episodes - number, EVALUATION_SEED + number)
        returns = np.append(returns, more)
        if episodes < 100:  # so few may be unlucky, by two standard errors of their mean
            goal = min(stop_return, environment.target) - 2 * returns.std() / episodes**0.5
            good = thoroughly or environment.is_good(returns, goal, 0.9)
        else:
            good = environment.is_good(returns, stop_return, 0.95)
        if not good:
            return returns, False
    return returns, True


def evaluate(policy, environment=LANDER, episodes=100, first_seed=EVALUATION_SEED):
    """Fly `episodes` at once, greedily; return their returns, an array of shape (episodes,)."""
    from starter.learning.acting import greedy

    act = greedy(policy)
    envs = [environment.make() for _ in range(episodes)]
    observations = np.stack([env.reset(seed=first_seed + i)[0] for i, env in enumerate(envs)])
    returns = np.zeros(episodes)
    flying = list(range(episodes))
    while flying:  # one call of the network for all that have not ended
        for i, action in zip(flying[:], act(observations[flying])):
            observations[i], reward, terminated, truncated, _ = envs[i].step(int(action))
            returns[i] += reward
            if terminated or truncated:
                flying.remove(i)
    return returns


def watch(policy, seed, episodes, view, environment=LANDER):
    """Fly `episodes` (None: as many as the view likes) greedily; show every timestep in `view`."""
    with closing(environment.make(view.render_mode)) as env:
        for flight in view.flights(episodes):
            observation, _ = env.reset(seed=seed + flight.episode)
            ended = False
            while not ended:
                # Without explore=False, RLlib would take random actions now and then.
                action, _, extra = policy.compute_single_action(observation, explore=False)
                view.show(flight, env.render, extra["q_values"], action)
                observation, reward, terminated, truncated, _ = env.step(action)
                flight.rewards.append(reward)
                ended = terminated or truncated
            episode_return = sum(flight.rewards)
            verdict = environment.verdict(observation, truncated, episode_return)
            view.end(flight, env.render, verdict)
            print(f"episode {flight.episode}: return {episode_return:.2f}")


def main(
    iterations: int = Option(ITERATIONS, min=1, help="Maximum number of training iterations."),
    seed: int = Option(0, min=0, help="Random seed; the same seed repeats a run."),
    render: Render = RENDER_FLAG,
    episodes: int = EPISODES_FLAG,
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
