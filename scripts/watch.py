"""Watch a policy that was trained before.

make watch                              the newest run's
make demo                               the one that comes with the clone
make watch ARGS="--from-checkpoint runs/NAME"
.venv/bin/python -m scripts.watch --help
"""

from starter import preflight

preflight.check()

from pathlib import Path
from typing import List

from typer import Option

import main
from starter import console
from starter.display.view import (
    EPISODES_FLAG,
    PLAIN_FLAG,
    RENDER_FLAG,
    Render,
    open_view,
    require,
)
from starter.environments.environment import Environment, parse_arguments
from starter.storage import checkpoint, folder, settings


def load_policy(found, environment):
    """Return the policy of a `Checkpoint`, with the network that it was trained with."""
    from starter.learning.build import build_policy

    trained = settings.read(found.path.parent).get("algorithm", {})
    config = settings.apply_network(main.configure(found.manifest["seed"], environment), trained)
    return build_policy(config, found.weights)


def watch(
    from_checkpoint: Path = Option(
        None, metavar="DIR", help="Folder of a run or a checkpoint.", show_default="the newest run"
    ),
    env: str = Option(
        None, metavar="ID", help="Environment of the training, if its file has moved."
    ),
    env_arg: List[str] = Option(
        (),
        metavar="NAME=VALUE",
        help="Argument to replace one from training, such as gravity=-5.0.",
    ),
    seed: int = Option(0, min=0, help="Random seed of the episodes."),
    render: Render = RENDER_FLAG,
    episodes: int = EPISODES_FLAG,
    plain: bool = PLAIN_FLAG,
    output: Path = Option("runs", help="Folder of the runs; the GIF goes there, too."),
):
    """Show a trained policy."""
    found = checkpoint.newest(from_checkpoint or output / "latest")
    environment = Environment.learned(found.manifest, env, parse_arguments(env_arg))
    require(render, environment)
    trained = settings.differences(settings.read(found.path.parent).get("algorithm", {}))
    print(
        f"{found.path}: {environment}, seed {found.manifest['seed']}, "
        f"{found.manifest['iteration']} iterations{trained and f', trained with {trained}'}"
    )
    policy = load_policy(found, environment)
    with folder.opened(output, f"{environment}-watched") as gifs, open_view(
        render, gifs, environment, policy.config, plain
    ) as view:
        main.watch(policy, seed, episodes, view, environment)


if __name__ == "__main__":
    console.run(watch)
