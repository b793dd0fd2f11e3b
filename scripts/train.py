"""Train what main.py does not: other environments, on more processes or machines; resume.

The algorithm is main.py's: this calls its functions. `make train ARGS=--help` lists the flags.
"""

from starter import preflight

preflight.check()

from pathlib import Path
from typing import List

from typer import Option

import main
from starter import Problem, console
from starter.display import curve, report
from starter.display import view as views
from starter.environments.environment import Environment, Lander, load, parse_arguments
from starter.evaluation import random_pilot
from starter.storage import checkpoint
from starter.storage.run import open_run


def configure(seed, environment, workers):
    """Return main.py's config, with this number of worker processes."""
    config = main.configure(seed, environment)
    config.rollouts(num_envs_per_worker=min(config.num_envs_per_worker, environment.copies))
    if workers:
        from starter.workers.pipelined_dqn import PipelinedDQN

        config.rollouts(num_rollout_workers=workers)
        config.algo_class = PipelinedDQN  # RLlib's DQN would let the workers wait for each update
    return config


def resumed(found, env, iterations, **asked):
    """Return the environment and the seed of the training to resume, unless others were asked."""
    environment, seed = Environment.from_manifest(found.manifest, env), found.manifest["seed"]
    own = {"env_arg": environment.arguments, "action_repeat": environment.action_repeat}
    own["seed"] = seed
    for name, value in asked.items():
        if value not in (None, {}, own[name]):
            flag = "--" + name.replace("_", "-")
            raise Problem(f"{found.path} was trained with {flag} {own[name]}; leave {flag} out")
    done = found.manifest["iteration"]
    if done >= iterations:
        raise Problem(f"{found.path} has {done} iterations; set --iterations to more than that")
    return environment, seed


def train(
    env: str = Option(
        None,
        metavar="ID",
        help="Train on this one: a gymnasium ID, module:ID or path/to/file.py:ID.",
        show_default="LunarLander-v2",
    ),
    env_arg: List[str] = Option(
        (), metavar="NAME=VALUE", help="Set an argument of the environment, such as gravity=-5.0."
    ),
    action_repeat: int = Option(
        None,
        min=1,
        help="Repeat each action for this many of the environment's own timesteps.",
        show_default="2 for the lander, otherwise 1",
    ),
    copies: int = Option(
        None,
        min=1,
        help="Open at most this many copies of the environment at once.",
        show_default="16 to train, 100 to evaluate",
    ),
    iterations: int = Option(main.ITERATIONS, min=1, help="Train at most this many iterations."),
    stop_reward: float = Option(
        None,
        help="Train to this mean return.",
        show_default=f"{main.STOP_RETURN} for the lander, or else the environment's threshold",
    ),
    seed: int = Option(
        None, min=0, help="Set the random seed; the same one repeats a run.", show_default="0"
    ),
    workers: int = Option(0, min=0, help="Play in this many more processes."),
    address: str = Option(None, metavar="HOST:PORT", help="Join a cluster; auto: this machine's."),
    resume: bool = Option(False, "--resume", help="Resume the newest run."),
    from_checkpoint: Path = Option(None, metavar="PATH", help="Resume this run or checkpoint."),
    render: views.Render = views.RENDER_FLAG,
    episodes: int = views.EPISODES_FLAG,
    plain: bool = views.PLAIN_FLAG,
    output: Path = Option("runs", help="Create the run's folder in this one."),
):
    """Train a DQN on any environment, and show what it learned."""
    found, arguments = None, parse_arguments(env_arg)
    if resume or from_checkpoint:
        found = checkpoint.newest(from_checkpoint or output / "latest")
        asked = {"env_arg": arguments, "action_repeat": action_repeat, "seed": seed}
        environment, seed = resumed(found, env, iterations, **asked)
    else:
        environment = load(env or "LunarLander-v2", arguments, action_repeat)
        seed = seed or 0
    environment.copies = copies or environment.copies
    for note in environment.notes:
        print(note)
    views.check_can_render(render, environment)
    patience = main.PATIENCE if stop_reward is None else iterations
    if stop_reward is None:
        stop_reward = main.STOP_RETURN if isinstance(environment, Lander) else environment.target
    reachable = None if stop_reward == float("inf") else stop_reward  # JSON has no infinity
    flags = {"iterations": iterations, "stop_reward": reachable, "workers": workers}

    # 1. Configure and build.
    from starter.workers import session  # imports Ray; --help need not wait

    session.start(workers, address, environment.modules)
    # A resumed training draws new random numbers: those of its seed and iteration.
    draws = (seed, found.manifest["iteration"]) if found else seed
    algorithm = configure(draws, environment, workers).build()
    folder = found and found.path.parent
    with open_run(output, algorithm, environment, seed, folder, **flags) as run:
        if found:
            run.resume(algorithm, found)
        # 2. Train.
        pilot = algorithm.greedy
        pilot.use(main.train(algorithm, environment, iterations, run, stop_reward, patience))
        session.stop()
        # 3. Evaluate.
        trained = main.evaluate(pilot, environment)
        random = main.evaluate(random_pilot(environment, seed), environment)
        run.finish(trained=trained, random=random)
        curve.update(run, algorithm, environment.solved, last=True)
        print(report.outcome(run, environment, trained, random))
        # 4. Watch.
        with views.open_view(render, run.folder, environment, pilot.policy.config, plain) as view:
            main.watch(pilot, environment, seed, episodes, view)


if __name__ == "__main__":
    console.run(train)
