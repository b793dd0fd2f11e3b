"""Train a DQN to land on the moon, then watch it fly.

    make                                    set up, train, show
    make ITERATIONS=2 SEED=3                fewer iterations, another seed
    .venv/bin/python main.py --help         every flag

Read it from top to bottom: what stands first happens first.
"""

from starter import preflight

preflight.check()  # the imports below would fail outside the pinned environment

import sys
from enum import Enum
from itertools import count
from pathlib import Path

import gymnasium
import numpy as np
import typer
from rich.progress import track

from starter import console, run_folder, screen

ENVIRONMENT = "LunarLander-v2"


def build_algorithm(seed):
    """Configure RLlib's DQN; gives an `Algorithm` that has learned nothing yet."""
    # Imported here: they take seconds, which --help and a mistyped flag need not wait.
    from ray.rllib.algorithms.dqn import DQNConfig
    from ray.tune.logger import NoopLogger

    from starter.adapter import GymnasiumAdapter
    from starter.local_rllib import run_without_ray
    from starter.replay_buffer import ColumnarReplayBuffer
    from starter.time_limit import BootstrapAtTimeLimit

    run_without_ray()
    # RLlib takes seed 0 for "no seed", and gives its environments seed, seed + 1, ...
    # Spread out, no two of our seeds share an environment's.
    spread_seed = 1 + int(np.random.SeedSequence(seed).generate_state(1)[0] >> 1)
    batch_size = 128

    config = (
        DQNConfig()
        .environment(GymnasiumAdapter, env_config={"id": ENVIRONMENT}, disable_env_checking=True)
        .debugging(seed=spread_seed, log_level="ERROR")
        # Play 16 games at once in this process: one call of the network serves them all.
        .rollouts(num_rollout_workers=0, num_envs_per_worker=16, rollout_fragment_length=32)
        .exploration(
            exploration_config={
                "type": "EpsilonGreedy",
                "initial_epsilon": 1.0,
                # One random action in ten: enough to touch the ground by chance, from a
                # hover, and find that landing pays.
                "final_epsilon": 0.1,
                "epsilon_timesteps": 20_000,
            }
        )
        .training(
            gamma=0.99,
            lr=1e-3,
            # A reward that comes late reaches the action that earned it three times sooner.
            n_step=3,
            train_batch_size=batch_size,
            # Replay 16 timesteps for each one played.
            training_intensity=16,
            num_steps_sampled_before_learning_starts=1_000,
            target_network_update_freq=1_000,
            double_q=True,
            dueling=False,
            hiddens=[],
            model={"fcnet_hiddens": [128, 128], "fcnet_activation": "relu"},
            replay_buffer_config={
                "type": ColumnarReplayBuffer,
                "capacity": 100_000,
                "batch_size": batch_size,
                "seed": spread_seed,
                # Returns of hundreds take a new network long to reach, and the Huber loss
                # sees no difference between an error of 10 and one of 100.
                "reward_scale": 0.05,
            },
        )
        .callbacks(BootstrapAtTimeLimit)
        # Timesteps alone end an iteration; a clock would make runs differ.
        .reporting(min_sample_timesteps_per_iteration=4_096, min_time_s_per_iteration=None)
        # These networks are so small that a second thread only waits for the first.
        .framework("tf", tf_session_args=ONE_THREAD, local_tf_session_args=ONE_THREAD)
    )
    return config.build(logger_creator=lambda settings: NoopLogger(settings, ""))


ONE_THREAD = {"intra_op_parallelism_threads": 1, "inter_op_parallelism_threads": 1}


def train(algorithm, iterations):
    """Train for `iterations`, or until Ctrl-C, printing RLlib's statistics of each.

    Gives RLlib's last result, a dict.
    """
    print("iteration  timesteps  reward: max       min      mean  episode length  seconds")
    rounds = range(iterations)
    bar = track(rounds, "training", transient=True, disable=not sys.stdout.isatty())
    with console.StopOnInterrupt() as interrupt:
        for _ in bar:
            result = algorithm.train()
            print(statistics(result))
            if interrupt.requested:
                break
    return result


def statistics(result):
    """One line of RLlib's result: its 'reward' is the return, the sum of an episode's rewards."""
    line = f"{result['training_iteration']:9,}  {result['timesteps_total']:9,}"
    if np.isnan(result["episode_reward_mean"]):
        return f"{line}  no episode has ended yet"
    return (
        f"{line}  {result['episode_reward_max']:11.2f}  {result['episode_reward_min']:8.2f}"
        f"  {result['episode_reward_mean']:8.2f}  {result['episode_len_mean']:14.1f}"
        f"  {result['time_total_s']:7.1f}"
    )


def watch(policy, seed, episodes, view):
    """Fly `episodes` (None: no end) with the trained policy, and show each frame in `view`.

    Gives the return of each episode that was flown to its end.
    """
    returns = []
    env = gymnasium.make(ENVIRONMENT, render_mode="rgb_array" if view else None)
    try:
        for episode in range(1, episodes + 1) if episodes else count(1):
            observation, _ = env.reset(seed=seed + episode)
            episode_return = 0.0
            terminated = truncated = False
            while not (terminated or truncated):
                # Without explore=False, RLlib goes on taking random actions now and then.
                action, _, _ = policy.compute_single_action(observation, explore=False)
                observation, reward, terminated, truncated, _ = env.step(action)
                episode_return += reward
                if view:
                    title = f"{ENVIRONMENT}: episode {episode}, return {episode_return:.0f}"
                    view.show(env.render(), title)
            returns.append(episode_return)
            print(f"episode {episode}: return {episode_return:.2f}")
    except (screen.WindowClosed, KeyboardInterrupt):
        pass
    finally:
        env.close()
    return returns


class Render(str, Enum):
    auto = "auto"
    window = "window"
    gif = "gif"
    none = "none"


def main(
    iterations: int = typer.Option(50, min=1, help="Iterations to train, of 4,096 timesteps."),
    seed: int = typer.Option(0, min=0, help="Where all chance comes from: same seed, same run."),
    render: Render = typer.Option(
        Render.auto, help="Where to show the policy; auto: a window, or a GIF without a display."
    ),
    episodes: int = typer.Option(
        None, min=1, help="Episodes to show.", show_default="3; in a window, until it is closed"
    ),
    output: Path = typer.Option("runs", help="Folder for checkpoints and GIFs."),
    from_checkpoint: Path = typer.Option(
        None, metavar="DIR", help="Show the policy saved there; do not train."
    ),
):
    """Train a DQN on LunarLander-v2, print how it learns, and show it flying."""
    if render is Render.window:
        screen.require_window()

    with run_folder.new(output, f"{ENVIRONMENT}-seed{seed}") as folder:
        if from_checkpoint:
            policy = run_folder.load_policy(from_checkpoint, ENVIRONMENT)
        else:
            # 1. Configure and build.
            algorithm = build_algorithm(seed)
            # 2. Train.
            train(algorithm, iterations)
            # 3. Save.
            saved = run_folder.save(algorithm, folder, environment=ENVIRONMENT, seed=seed)
            print(f"saved {saved}")
            policy = algorithm.get_policy()

        # 4. Show.
        with screen.open_view(render.value, folder / "lander.gif") as view:
            if not isinstance(view, screen.Window):
                episodes = episodes or 3
            watch(policy, seed, episodes, view)


if __name__ == "__main__":
    console.run(main)
