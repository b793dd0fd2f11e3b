"""Train what main.py does not: other environments, on more processes or machines; resume.

    make train ENV=CartPole-v1
    make train ENV=CartPole-v1 WORKERS=2
    make train ARGS=--resume
    .venv/bin/python -m scripts.train --help

The algorithm is main.py's: this calls its functions.
"""

from starter import preflight

preflight.check()

from pathlib import Path
from typing import List

from typer import Option

import main
from starter import Problem, console
from starter.display import report
from starter.display.view import (
    EPISODES_FLAG,
    PLAIN_FLAG,
    RENDER_FLAG,
    Render,
    open_view,
    require,
)
from starter.environments.environment import Environment, parse_arguments
from starter.learning.random_policy import RandomPolicy
from starter.storage import checkpoint, settings
from starter.storage.run import opened
from starter.workers import session


def configure(seed, environment, workers):
    """Return main.py's config, with this number of worker processes."""
    config = main.configure(seed, environment)
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
    own, environment = found.manifest, Environment.learned(found.manifest, env)
    if arguments and arguments != environment.arguments:
        raise Problem(f"{found.path} learned with other arguments: leave --env-arg out")
    if action_repeat not in (None, environment.action_repeat):
        raise Problem(
            f"{found.path} learned with action repeat {environment.action_repeat}; leave "
            "--action-repeat out"
        )
    if own["iteration"] >= iterations:
        raise Problem(
            f"{found.path} has {own['iteration']} iterations; set --iterations to more than that"
        )
    if seed not in (0, own["seed"]):
        raise Problem(f"{found.path} has seed {own['seed']}; leave --seed out to resume it")
    return environment, own["seed"]


def train(
    env: str = Option(
        None,
        metavar="ID",
        help="Gymnasium ID, module:ID or path/to/file.py:ID.",
        show_default=main.LANDER.id,
    ),
    env_arg: List[str] = Option(
        (), metavar="NAME=VALUE", help="Argument of the environment, such as gravity=-5.0."
    ),
    action_repeat: int = Option(
        None,
        min=1,
        help="How many of the environment's own timesteps each action lasts.",
        show_default=f"{main.LANDER.action_repeat} for the lander, otherwise 1",
    ),
    iterations: int = Option(
        main.ITERATIONS, min=1, help="Maximum number of training iterations."
    ),
    stop_reward: float = Option(
        None,
        help="Mean return at which to stop.",
        show_default=f"{main.AIM} for the lander, or else the environment's threshold",
    ),
    seed: int = Option(0, min=0, help="Random seed; the same seed repeats a run."),
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
        env = env or main.LANDER.id
        if env == main.LANDER.id:
            action_repeat = action_repeat or main.LANDER.action_repeat
        environment = Environment(env, arguments, action_repeat)
    for note in environment.notes:
        print(note)
    require(render, environment)
    patience = main.PATIENCE if stop_reward is None else iterations
    if stop_reward is None:
        stop_reward = main.AIM if environment.is_lander else environment.target
    reachable = None if stop_reward == float("inf") else stop_reward  # JSON has no infinity
    flags = {"iterations": iterations, "stop_reward": reachable, "workers": workers}

    # 1. Configure and build.
    from starter.learning.build import build

    session.start(workers, address, environment.modules)
    # A resumed training draws new random numbers: those of its seed and iteration.
    draws = (seed, found.manifest["iteration"]) if found else seed
    algorithm = build(configure(draws, environment, workers))
    folder = found and found.path.parent
    with opened(output, algorithm, environment, seed, folder, **flags) as run:
        if found:
            run.resume(algorithm, found)
            trained = settings.read(folder).get("algorithm")
            changed = settings.differences(settings.of(algorithm.config), trained)
            if changed:
                print(f"resuming with other settings than before: {changed}")
        # 2. Train.
        main.train(algorithm, iterations, run, environment, stop_reward, patience)
        session.stop()
        # 3. Evaluate.
        random = main.evaluate(RandomPolicy(environment, main.EVALUATION_SEED), environment)
        run.save_evaluations(random=random)
        print(report.outcome(run, environment, random))
        # 4. Watch.
        policy = algorithm.get_policy()
        with open_view(render, run.folder, environment, policy.config, plain) as view:
            main.watch(policy, seed, episodes, view, environment)


if __name__ == "__main__":
    console.run(train)
