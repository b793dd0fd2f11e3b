"""Train a DQN to land on the moon, then watch it fly.

    make                                    set up, train, show
    make ITERATIONS=2 SEED=3                fewer iterations, another seed
    make ARGS="--env CartPole-v1"           another environment
    .venv/bin/python main.py --help         every flag

Read it from top to bottom; main(), at the end, calls the rest in the order it stands in.
"""

from starter import preflight

preflight.check()  # the imports below would fail outside the pinned environment

import sys
from contextlib import closing
from pathlib import Path
from typing import List

import numpy as np
from rich.progress import track
from typer import Option

from starter import console
from starter.display.view import Render, open_view, require
from starter.environments.environment import Environment, parse_arguments
from starter.storage import checkpoint
from starter.storage import folder as run_folder
from starter.storage.run import Run
from starter.workers import cluster

LANDER = Environment("LunarLander-v2")
ITERATIONS = 60  # at most; most seeds are solved in half of them
# The network learns from rewards times this: returns of hundreds take a new one long to reach,
# and the Huber loss sees no difference between an error of 10 and one of 100.
REWARD_SCALE = 0.05
EVALUATION_SEED = 1_000_000  # of the first of the evaluation's episodes: the same for all runs
ONE_THREAD = {"intra_op_parallelism_threads": 1, "inter_op_parallelism_threads": 1}


def configure(seed, game=LANDER, workers=0):
    """Every choice of the algorithm, as RLlib's `DQNConfig`; `workers` are processes."""
    # Imported here: they take seconds, which --help and a mistyped flag need not wait.
    from ray.rllib.algorithms.dqn import DQNConfig

    from starter.learning.adapter import GymnasiumAdapter
    from starter.learning.exploration import TemporallyExtendedEpsilonGreedy
    from starter.learning.replay_buffer import ColumnarReplayBuffer
    from starter.learning.sampler import lockstep_sampler

    # RLlib takes seed 0 for "no seed", and gives its environments seed, seed + 1, ...
    # So ours is spread over 1 to 2**31, where two runs hardly ever share an environment.
    spread_seed = 1 + int(np.random.SeedSequence(seed).generate_state(1)[0] >> 1)
    batch_size = 128

    return (
        DQNConfig()
        # RLlib's check of the environment would play some timesteps of it beforehand.
        .environment(GymnasiumAdapter, env_config=game.config, disable_env_checking=True)
        .debugging(seed=spread_seed, log_level="ERROR")
        # Play 16 games at once in a process, all a timestep on, and then the next: one call of
        # the network serves them all. After 32 timesteps of each, 64 updates.
        # (For a sampler, RLlib has only its "offline" data to plug it in.)
        .rollouts(num_rollout_workers=workers, num_envs_per_worker=16, rollout_fragment_length=32)
        .offline_data(input_=lockstep_sampler)
        # Act at random: always at first, then 15 % of the time, in the end hardly ever.
        # A random action is held for up to a fifth of a second, or it changes nothing:
        # by such a push a hovering lander touches the ground and finds that landing pays.
        .exploration(
            exploration_config={
                "type": TemporallyExtendedEpsilonGreedy,
                "epsilon": [(0, 1.0), (15_000, 0.15), (60_000, 0.15), (90_000, 0.01)],
                "longest": 10,
            }
        )
        .training(
            gamma=0.99,
            # Fast at first, then in steps small enough to keep what works.
            lr_schedule=[[0, 1e-3], [100_000, 2e-4]],
            # A reward that comes late reaches the action that earned it three times sooner.
            n_step=3,
            # Replay 16 timesteps for each one played; twice as many take as long in the end.
            training_intensity=16,
            # Four times RLlib's 32 rows take less than twice as long.
            train_batch_size=batch_size,
            # Aim at a network that is up to 1,000 timesteps old: 500 led to slow runs.
            target_network_update_freq=1_000,
            # One network picks the next action, the other, older one says what it is worth.
            double_q=True,
            # One layer sees, then one values the state and one compares the actions. RLlib's
            # layers of 256 with tanh take three times as long.
            model={"fcnet_hiddens": [128], "fcnet_activation": "relu"},
            dueling=True,
            hiddens=[64],
            replay_buffer_config={
                "type": ColumnarReplayBuffer,
                "capacity": 100_000,  # most of a run; the early crashes stay in it
                "batch_size": batch_size,
                "seed": spread_seed,
                "reward_scale": REWARD_SCALE,
            },
        )
        # Timesteps alone end an iteration; a clock would make runs differ.
        .reporting(min_sample_timesteps_per_iteration=4_096, min_time_s_per_iteration=None)
        # These networks are so small that a second thread only waits for the first.
        .framework("tf", tf_session_args=ONE_THREAD, local_tf_session_args=ONE_THREAD)
        # One call of TensorFlow for an update: RLlib's default makes two, for GPUs' sake.
        .update_from_dict({"simple_optimizer": True})
    )


def build_algorithm(seed, game=LANDER, workers=0):
    """An RLlib `Algorithm` that has learned nothing yet."""
    from starter.learning.build import build

    return build(configure(seed, game, workers))


def load_policy(found, game=LANDER):
    """The policy of a `Checkpoint`, to fly with; it cannot learn on."""
    from starter.learning.build import build_policy

    return build_policy(configure(found.manifest["seed"], game), found.weights)


def train(algorithm, iterations, stop_reward, run=None, game=LANDER):
    """Train to so many `iterations` or until solved or Ctrl-C; print RLlib's statistics of each.

    Solved is what a greedy evaluation confirms, once the training episodes, with their random
    actions, average `stop_reward`. Leaves `algorithm` with the best policy.

    Gives `run`, which takes what each iteration came to: its figures and its checkpoint.
    """
    policy = algorithm.get_policy()
    run = run or Run()
    next_evaluation = 0
    print("iteration  timesteps  reward: max       min      mean  episode length")
    todo = range(algorithm.iteration, iterations)
    bar = track(todo, "training", transient=True, disable=not sys.stdout.isatty())
    with closing(bar), console.StopOnInterrupt() as interrupt:  # unclosed, it may hang the exit
        for iteration in bar:
            result = algorithm.train()
            print(statistics(result))
            number, mean = result["training_iteration"], result["episode_reward_mean"]
            last = interrupt.requested or iteration == iterations - 1
            if last or (mean >= stop_reward and iteration >= next_evaluation):
                next_evaluation = iteration + 3  # it takes longer than an iteration
                returns = run.evaluations[number] = evaluate(policy, game=game)
                print(f"greedy policy: {summary(returns, game.solved)}")
                run.choose(number, quality(returns, game), policy)
                solved = game.solved is None or is_solved(returns, game)
                last = last or (solved and returns.mean() >= stop_reward)
            else:
                run.choose(number, quality(mean, game), policy)
            run.record(algorithm, result, last)
            if last:
                break
    policy.set_weights(run.weights)
    return run


def statistics(result):
    """One line of RLlib's result: its 'reward' is the return, the sum of an episode's rewards."""
    line = f"{result['training_iteration']:9,}  {result['timesteps_total']:9,}"
    if np.isnan(result["episode_reward_mean"]):
        return f"{line}  no episode has ended yet"
    return (
        f"{line}  {result['episode_reward_max']:11.2f}  {result['episode_reward_min']:8.2f}"
        f"  {result['episode_reward_mean']:8.2f}  {result['episode_len_mean']:14.1f}"
    )


def evaluate(policy, episodes=100, first_seed=EVALUATION_SEED, game=LANDER):
    """Fly `episodes` at once, greedily; gives their returns, an array of shape (episodes,).

    Each timestep is one call of the network for all that still fly. Without a `policy` they
    fly at random.
    """
    envs = [game.make() for _ in range(episodes)]
    observations = np.stack([env.reset(seed=first_seed + i)[0] for i, env in enumerate(envs)])
    random = np.random.default_rng(first_seed)
    returns = np.zeros(episodes)
    flying = list(range(episodes))
    while flying:
        if policy:
            # Without explore=False, RLlib goes on taking random actions now and then.
            actions, _, _ = policy.compute_actions(observations[flying], explore=False)
        else:
            actions = random.integers(envs[0].action_space.n, size=len(flying))
        over = set()
        for i, action in zip(flying, actions):
            observations[i], reward, terminated, truncated, _ = envs[i].step(int(action))
            returns[i] += reward
            if terminated or truncated:
                over.add(i)
        flying = [i for i in flying if i not in over]
    return returns


def is_solved(returns, game=LANDER):
    """The mean that gymnasium asks for; of a lander also nine in ten.

    Its mean alone may hide that every fourth one crashes.
    """
    if game.solved is None or returns.mean() < game.solved:
        return False
    return not game.is_lander or (returns >= game.solved).mean() >= 0.9


def quality(returns, game=LANDER):
    """To compare policies by: first whether an evaluation solved it, then the mean return.

    A mean that is no evaluation's, of training episodes with their random actions, counts
    less than any evaluation.
    """
    if np.ndim(returns) == 0:
        return [False, False, -np.inf if np.isnan(returns) else float(returns)]
    return [True, bool(is_solved(returns, game)), float(returns.mean())]


def summary(returns, solved=LANDER.solved):
    """Mean, standard deviation, and how many of the episodes were solved."""
    text = f"mean {returns.mean():.2f}, standard deviation {returns.std():.2f}"
    if solved is None:
        return text
    return f"{text}, {(returns >= solved).sum()} of {len(returns)} at {solved:g} or more"


def watch(policy, seed, episodes, view, game=LANDER):
    """Fly greedily and show each timestep in `view`; returns the return of each episode.

    Args:
        episodes: how many; None for as many as the view likes.
        view: a `starter.display.view.View`.
    """
    returns = []
    with closing(game.make(view.render_mode)) as env:
        for flight in view.flights(episodes):
            observation, _ = env.reset(seed=seed + flight.episode)
            over = False
            while not over:
                action, _, extra = policy.compute_single_action(observation, explore=False)
                view.show(flight, env.render, extra["q_values"], action)
                observation, reward, terminated, truncated, _ = env.step(action)
                flight.rewards.append(reward)
                over = terminated or truncated
            returns.append(sum(flight.rewards))
            verdict = game.verdict(observation, reward, truncated, returns[-1])
            view.end(flight, env.render, verdict)
            print(f"episode {flight.episode}: return {returns[-1]:.2f}")
    return returns


def main(
    iterations: int = Option(ITERATIONS, min=1, help="Train so many of 4,096 timesteps at most."),
    stop_reward: float = Option(
        None, help="End at this mean return.", show_default="200; with --env, what solves it"
    ),
    seed: int = Option(0, min=0, help="Where all chance comes from: same seed, same run."),
    env: str = Option(
        None, metavar="ID", help="gymnasium's, or module:ID.", show_default=LANDER.id
    ),
    env_arg: List[str] = Option((), metavar="NAME=VALUE", help="Such as gravity=-5.0."),
    render: Render = Option("auto", help="Where to show it; auto: a window, or else a GIF."),
    episodes: int = Option(
        None, min=1, help="Episodes to show.", show_default="3; in a window, until it is closed"
    ),
    plain: bool = Option(False, "--plain", help="Show the game without what the policy thinks."),
    output: Path = Option("runs", help="Folder for the runs' folders."),
    from_checkpoint: Path = Option(
        None, metavar="DIR", help="Show the policy saved there, or in that run; do not train."
    ),
    resume: bool = Option(
        False, "--resume", help="Train on, the newest run or --from-checkpoint's."
    ),
    workers: int = Option(0, min=0, help="Processes that play; 0: this one does it all."),
    address: str = Option(None, metavar="HOST:PORT", help="Ray cluster to run them in, or auto."),
):
    """Train a DQN on LunarLander-v2 or another environment, and show what it learned."""
    found, arguments = None, parse_arguments(env_arg)
    if resume or from_checkpoint:
        found = checkpoint.newest(from_checkpoint or output / "latest")
        env, arguments = found.environment(env, arguments, resume)
    game = Environment(env or LANDER.id, arguments)
    require(render, game)
    if stop_reward is None:
        stop_reward = np.inf if game.solved is None else game.solved
    if resume:
        seed = found.seed_to_resume(seed, iterations)
    name = f"{game}-seed{seed}{console.changed('iterations', 'stop_reward', 'workers')}"

    with run_folder.opened(output, name, found.path.parent if resume else None) as folder:
        if found and not resume:
            policy = load_policy(found, game)
        else:
            # 1. Configure and build.
            cluster.start(workers, address, game.module)
            algorithm = build_algorithm(seed, game, workers)
            about = {"environment": game.id, "arguments": game.arguments, "seed": seed}
            run = Run(folder, game.solved, **about)
            run.flags = dict(iterations=iterations, stop_reward=stop_reward, workers=workers)
            if resume:
                run.resume(algorithm, found)
            # 2. Train.
            train(algorithm, iterations, stop_reward, run, game)
            cluster.stop()
            # 3. Evaluate and save.
            random = evaluate(None, game=game)
            print(f"random policy: {summary(random, game.solved)}")
            if game.solved is not None:
                solved = is_solved(run.evaluations[run.best], game)
                print(f"{game} is {'solved' if solved else 'not solved yet'}")
            policy = algorithm.get_policy()
            print(f"weights: SHA-256 {checkpoint.digest(policy.get_weights())}")
            print(f"saved {run.saved}")
            run.save_evaluations(random=random)

        # 4. Show.
        with open_view(render, folder, game, policy.config, plain) as view:
            watch(policy, seed, episodes, view, game)


if __name__ == "__main__":
    console.run(main)
