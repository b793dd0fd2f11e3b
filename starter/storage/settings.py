"""The settings that a run was trained with, and where they differ from the shipped ones."""

import json
import platform
from pathlib import Path
from typing import Any, Dict, Optional

from starter import PROJECT
from starter.files import replacing, to_json

FILE = "settings.json"
SHIPPED = PROJECT / "docs" / "demo" / FILE  # of the README's run; `make expected` writes it
# Not choices of the algorithm: objects that are new in each process, the seed, the environment.
LEFT_OUT = ("multiagent", "logger_creator", "seed", "env", "env_config", "timesteps_per_second")
# What the shape of a policy's network and the scale of its Q-values depend on, beside "model".
SHOWN_BY = ("dueling", "gamma", "hiddens", "noisy", "num_atoms", "v_max", "v_min")
NESTED = ("exploration_config", "replay_buffer_config", "model")


def from_config(config) -> Dict[str, Any]:
    """Return the settings of an RLlib config that matter, as JSON types.

    These are the ones that are not RLlib's defaults, and those that the shipped run has. A
    setting inside a nested one has a dot in its name: `exploration_config.epsilon`.
    """
    current, default, shipped = _flat(config), _flat(type(config)()), _shipped()
    changed = {n: v for n, v in current.items() if n in shipped or v != default.get(n)}
    return json.loads(json.dumps(changed, default=_plain, sort_keys=True))


def _shipped():
    return read(SHIPPED.parent).get("algorithm", {})


def _flat(config):
    flat = {}
    for name, value in config.to_dict().items():
        if name in NESTED:
            flat.update({f"{name}.{n}": v for n, v in value.items() if n not in LEFT_OUT})
        elif name not in LEFT_OUT:
            flat[name] = value
    return flat


def _plain(value):
    if hasattr(value, "tolist"):  # numpy's
        return value.tolist()
    return getattr(value, "__qualname__", str(value))


def differences(settings: Dict[str, Any], others: Optional[Dict[str, Any]] = None) -> str:
    """Return the settings that differ from others, such as `gamma=0.9 n_step=1`.

    Args:
        settings: as `from_config` returns them.
        others: what to compare with; by default the shipped ones.
    """
    others = others or _shipped() or settings
    return " ".join(
        f"{name.rpartition('.')[2]}={json.dumps(value).replace(' ', '')}"
        for name, value in settings.items()
        if value != others.get(name)
    )


def apply_network(config, settings: Dict[str, Any]):
    """Give `config` what a policy was trained with and is shown by; return it.

    That is the network, the discount and the reward scale.

    Args:
        config: RLlib's.
        settings: as `from_config` returns them; what is not in them is RLlib's default.
    """
    if not settings:
        return config
    current, default = config.to_dict(), type(config)().to_dict()
    changes = {name: settings.get(name, default[name]) for name in SHOWN_BY}
    changes["model"] = {n: settings.get(f"model.{n}", v) for n, v in default["model"].items()}
    scale = settings.get("replay_buffer_config.reward_scale", 1)
    changes["replay_buffer_config"] = {**current["replay_buffer_config"], "reward_scale": scale}
    return config.update_from_dict(changes)


def read(folder: Path) -> Dict[str, Any]:
    """Return what `write` wrote to a run's folder; empty if it is not there or not readable."""
    try:
        return json.loads((folder / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def write(folder: Path, config, **about: Any) -> None:
    """Write settings.json: `about`, the versions, and the settings of the algorithm.

    Raises:
        Problem: if it cannot be written.
    """
    import gymnasium
    import ray
    import tensorflow

    packages = {package.__name__: package.__version__ for package in (ray, gymnasium, tensorflow)}
    content = {
        **about,
        "versions": {"python": platform.python_version(), **packages},
        "algorithm": from_config(config),
    }
    with replacing(folder / FILE) as scratch:
        scratch.write_text(to_json(content), "utf-8")
