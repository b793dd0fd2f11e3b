"""The settings of a run, and how they differ from the shipped ones."""

import json
import platform
import sys
from pathlib import Path
from typing import Any, Dict, Optional

from starter import PROJECT
from starter.files import replacing, to_json

FILE = "settings.json"
SHIPPED = PROJECT / "docs" / "demo"  # the README's run; `make expected` records it
# Not choices of the algorithm: objects that are new in each process, the seed, the environment.
LEFT_OUT = ("multiagent", "logger_creator", "seed", "env", "env_config", "timesteps_per_second")
NESTED = ("exploration_config", "replay_buffer_config", "model")
# What the network's shape, the scale of its Q-values and the actions depend on.
NETWORK = (
    *("dueling", "gamma", "hiddens", "margin", "model", "noisy", "num_atoms", "v_max", "v_min"),
    "replay_buffer_config.reward_scale",
)


def from_config(config) -> Dict[str, Any]:
    """Return the settings of an RLlib config that are not its defaults, as JSON types.

    Those that the shipped run has are always among them. A nested setting has a dot in its
    name: `exploration_config.epsilon`.
    """
    current, default = _flat(config), _flat(type(config)())
    shipped = read(SHIPPED).get("algorithm", {})
    changed = {n: v for n, v in sorted(current.items()) if n in shipped or v != default.get(n)}
    return json.loads(to_json(changed))


def _flat(config):
    flat = {}
    for name, value in config.to_dict().items():
        if name in NESTED:
            flat.update({f"{name}.{n}": v for n, v in value.items()})
        else:
            flat[name] = value
    return {n: v for n, v in flat.items() if n.rpartition(".")[2] not in LEFT_OUT}


def differences(settings: Dict[str, Any], others: Optional[Dict[str, Any]] = None) -> str:
    """Return the settings that differ from others (the shipped ones): `gamma=0.9 n_step=1`."""
    others = others or read(SHIPPED).get("algorithm") or settings
    return " ".join(
        f"{name.rpartition('.')[2]}={json.dumps(value).replace(' ', '')}"
        for name, value in settings.items()
        if value != others.get(name)
    )


def apply_network(config, settings: Dict[str, Any]):
    """Give a config the network and the other settings that watching needs; return it."""
    for name, value in settings.items():
        nested, _, inner = name.rpartition(".")
        if name in NETWORK or nested in NETWORK:
            config.update_from_dict({nested: {inner: value}} if nested else {name: value})
    return config


def read(folder: Path) -> Dict[str, Any]:
    """Return what `write` wrote to a run's folder; empty if it cannot be read."""
    try:
        return json.loads((folder / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def write(folder: Path, config, **about: Any) -> None:
    """Write settings.json (`about`, versions, settings), or raise a `Problem`."""
    packages = {name: sys.modules[name].__version__ for name in ("ray", "gymnasium", "tensorflow")}
    content = {
        **about,
        "versions": {"python": platform.python_version(), **packages},
        "algorithm": from_config(config),
    }
    with replacing(folder / FILE) as scratch:
        scratch.write_text(to_json(content), "utf-8")
