"""Train what main.py does not: other environments, on more processes or machines; resume.

    make train ENV=CartPole-v1
    make train ENV=CartPole-v1 WORKERS=2
    make train ARGS=--resume
    .venv/bin/python scripts/train.py --help

The algorithm is main.py's: this calls its functions.
"""

from starter import preflight

preflight.check()

from pathlib import Path
from typing import List

from typer import Option

import main
from starter import Problem, console
from starter.display import curve, report
from starter.display.view import (
    EPISODES_FLAG,
    PLAIN_FLAG,
    RENDER_FLAG,
    Render,
    check_can_render,
    open_view,
)
from starter.environments.environment import Environment, Lander, load, parse_arguments
from starter.evaluation import random_pilot
from starter.storage import checkpoint
from starter.storage.run import open_run
from starter.workers import session


def configure(seed, environment, workers):
    """Return main.py's config, with this number of worker processes."""
    config = main.configure(seed, environment)
    config.rollouts(num_envs_per_worker=min(config.num_envs_per_worker, environment.copies))
    if workers:
        from starter.workers.pipelined_dqn import PipelinedDQN

        config.rollouts(num_rollout_workers=workers)
        config.algo_class = PipelinedDQN  # RLlib's DQN would let the workers wait for each update
    return config


def resumed(found, env, arguments, action_repeat, seed, iterations):
    """Return the environment and the seed of the training to resume.

    Raises:
        Problem: if others were asked for, or if there is nothing left to train.
    """
    saved, environment = found.manifest, Environment.from_manifest(found.manifest, env)
    for flag, asked, own in (
        ("--env-arg", arguments or None, environment.arguments),
        ("--action-repeat", action_repeat, environment.action_repeat),
        ("--seed", seed, saved["seed"]),
    ):
        if asked not in (None, own):
            raise Problem(f"{found.path} was trained with {flag} {own}; leave {flag} out")
    if saved["iteration"] >= iterations:
        raise Problem(
            f"{found.path} has {saved['iteration']} iterations; set --iterations to more than that"
        )
    return environment, saved["seed"]


def train(
    env: str = Option(
        None,
        metavar="ID",
        help="Gymnasium ID, module:ID or path/to/file.py:ID.",
        show_default="LunarLander-v2",
    ),
    env_arg: List[str] = Option(
        (), metavar="NAME=VALUE", help="Argument of the environment, such as gravity=-5.0."
    ),
    action_repeat: int = Option(
        None,
        min=1,
        help="How many of the environment's own timesteps each action lasts.",
        show_default="2 for the lander, otherwise 1",
    ),
    copies: int = Option(
        None,
        min=1,
        help="How many copies of the environment may play at once, and as many be evaluated.",
        show_default="16, and 100",
    ),
    iterations: int = Option(
        main.ITERATIONS, min=1, help="Maximum number of training iterations."
    ),
    stop_reward: float = Option(
        None,
        help="Mean return at which to stop.",
        show_default=f"{main.STOP_RETURN} for the lander, or else the environment's threshold",
    ),
    seed: int = Option(
        None, min=0, help="Random seed; the same seed repeats a run.", show_default="0"
    ),
    workers: int = Option(0, min=0, help="Worker processes; with 0, this process plays."),
    address: str = Option(None, metavar="HOST:PORT", help="Ray cluster; auto: this machine's."),
    resume: bool = Option(
        False, "--resume", help="Resume the newest run, or --from-checkpoint's."
    ),
    from_checkpoint: Path = Option(None, metavar="DIR", help="The run to resume."),
    render: Render = RENDER_FLAG,
    episodes: int = EPISODES_FLAG,
    plain: bool = PLAIN_FLAG,
    output: Path = Option("runs", help="Folder for the runs' folders."),
):
    """Train a DQN on any environment, and show what it learned."""
    found, arguments = None, parse_arguments(env_arg)
    if resume or from_checkpoint:
        found = checkpoint.newest(from_checkpoint or output / "latest")
        environment, seed = resumed(found, env, arguments, action_repeat, seed, iterations)
    else:
        environment = load(env or "LunarLander-v2", arguments, action_repeat)
        seed = seed or 0
    environment.copies = copies or environment.copies
    for note in environment.notes:
        print(note)
    check_can_render(render, environment)
    patience = main.PATIENCE if stop_reward is None else iterations
    if stop_reward is None:
        stop_reward = main.STOP_RETURN if isinstance(environment, Lander) else environment.target
    reachable = None if stop_reward == float("inf") else stop_reward  # JSON has no infinity
    flags = {"iterations": iterations, "stop_reward": reachable, "workers": workers}

    # 1. Configure and build.
    session.start(workers, address, environment.modules)
    # A resumed training draws new random numbers: those of its seed and iteration.
    draws = (seed, found.manifest["iteration"]) if found else seed
    algorithm = configure(draws, environment, workers).build()
    folder = found and found.path.parent
    with open_run(output, algorithm, environment, seed, folder, **flags) as run:
        if found:
            run.resume(algorithm, found)
        # 2. Train.
        policy, pilot = algorithm.get_policy(), algorithm.greedy
        weights = main.train(algorithm, environment, iterations, run, stop_reward, patience)
        policy.set_weights(weights)
        session.stop()
        # 3. Evaluate.
        trained = main.evaluate(pilot, environment)
        random = main.evaluate(random_pilot(environment, seed), environment)
        run.finish(trained=trained, random=random)
        curve.update(run, algorithm, environment.solved, last=True)
        print(report.outcome(run, environment, trained, random))
        # 4. Watch.
        with open_view(render, run.folder, environment, policy.config, plain) as view:
            main.watch(pilot, environment, seed, episodes, view)


if __name__ == "__main__":
    console.run(train)
