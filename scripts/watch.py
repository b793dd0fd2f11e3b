"""Watch a policy that was trained before: `make watch`, or `make demo` for the clone's own."""

from starter import preflight

preflight.check()

from pathlib import Path
from typing import List

from typer import Option

import main
from starter import console, trained
from starter.display import view as views
from starter.environments.environment import parse_arguments
from starter.storage import folder, settings


def watch(
    from_checkpoint: Path = Option(
        None, metavar="PATH", help="Watch this run or checkpoint.", show_default="the newest run"
    ),
    env: str = Option(None, metavar="ID", help="Find the environment here, if it has moved."),
    env_arg: List[str] = Option(
        (), metavar="NAME=VALUE", help="Replace an argument from training, such as gravity=-5.0."
    ),
    seed: int = Option(0, min=0, help="Set the random seed of the episodes."),
    render: views.Render = views.RENDER_FLAG,
    episodes: int = views.EPISODES_FLAG,
    plain: bool = views.PLAIN_FLAG,
    output: Path = Option("runs", help="Look for runs here, and write the GIF here."),
):
    """Show a trained policy."""
    pilot, environment, found, trained_with = trained.load(
        from_checkpoint or output / "latest", env, parse_arguments(env_arg)
    )
    views.check_can_render(render, environment)
    changed = settings.differences(trained_with)
    print(
        f"{found.path}: {environment}, seed {found.manifest['seed']}, "
        f"{found.manifest['iteration']} iterations{changed and f', trained with {changed}'}"
    )
    gifs = folder.dated(output, f"{environment}-watched")
    with views.open_view(render, gifs, environment, pilot.policy.config, plain) as view:
        main.watch(pilot, environment, seed, episodes, view)


if __name__ == "__main__":
    console.run(watch)
