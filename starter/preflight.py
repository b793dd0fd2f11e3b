"""Checks and settings that must come before the heavy imports."""

import gc
import logging
import os
import platform
import re
import sys
import warnings
from pathlib import Path
from typing import Dict

from starter import PROJECT

PYTHONS = ((3, 8), (3, 9), (3, 10))
# Each can be set otherwise in the environment; docs/reference.md names them and those below.
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "PYGAME_HIDE_SUPPORT_PROMPT": "1",
    "KERAS_HOME": os.path.join(sys.prefix, "keras"),  # its default is ~/.keras
    "MPLCONFIGDIR": os.path.join(sys.prefix, "matplotlib"),  # its default is ~/.config
}
# These decide the results, so what the environment says of them does not count.
FIXED = {
    "CUDA_VISIBLE_DEVICES": "-1",  # no GPU: it adds up in another order
    # oneDNN multiplies matrices with the newest instructions that the CPU has, which add up
    # in another order on each kind. With AVX2 the order follows from how TensorFlow cuts a
    # matrix, which fits it to the first cache: 32 or 48 KiB. With AVX it does not, and this
    # TensorFlow runs on no x86 CPU without.
    "ONEDNN_MAX_CPU_ISA": "AVX",
    "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "1",  # with oneDNN, on every CPU
    "TF_ENABLE_ONEDNN_OPTS": "0",  # no oneDNN beyond that; by default some CPUs have it
    "TF_XLA_FLAGS": "",  # they could turn on another compiler
}


def check() -> None:
    """Refuse another Python or other packages than the pins, in one line; silence warnings."""
    if sys.version_info[:2] not in PYTHONS:
        _refuse(f"this is Python {platform.python_version()}, and the pins run on 3.8 to 3.10")
    _check_packages()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed, as some service managers do
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    gc.set_threshold(100_000, 50, 100)  # with the default, imports take a fifth longer
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    os.environ.update(FIXED)
    os.environ.pop("PYTHONWARNINGS", None)  # for the processes that this one starts
    warnings.simplefilter("ignore")
    from gym_notices.notices import notices

    notices.clear()  # what gym prints at import: that gymnasium succeeds it
    import gym  # noqa: F401  # now, because it turns DeprecationWarnings on

    warnings.simplefilter("ignore")  # RLlib and TensorFlow call much that is deprecated
    logging.getLogger("ray.tune").setLevel(logging.ERROR)  # it would like gputil, for GPUs
    # A filter, because RLlib resets the level of TensorFlow's logger.
    logging.getLogger("tensorflow").addFilter(lambda record: record.levelno >= logging.ERROR)


def pins(lock: Path) -> Dict[str, str]:
    """What a compiled lock file pins, as `{name: version}`."""
    return dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", lock.read_text("utf-8"), re.M))


def _check_packages():
    from importlib.metadata import PackageNotFoundError, version  # Python 3.7 has it not

    # The lock file of this platform; scripts/setup.sh installs the same one.
    name = f"{platform.system()}-{platform.machine()}".lower()
    lock = PROJECT / ("requirements.txt" if name == "linux-x86_64" else f"locks/{name}.txt")
    if not lock.exists():
        _refuse(f"there is no lock for this platform, {name}")
    for name, wanted in pins(lock).items():
        try:
            found = version(name)
        except PackageNotFoundError:
            _refuse(f"{name} is not installed for {sys.executable}")
        if found != wanted:
            _refuse(f"{name} is {found} here and {wanted} in the lock")


def _refuse(problem):
    if Path(sys.prefix).resolve() == (PROJECT / ".venv").resolve():
        fix = (
            "`make setup` installs the pinned packages again; to add a package, "
            "add a line to requirements.in, then `make lock` and `make`"
        )
    else:
        fix = "run `make setup`, then `.venv/bin/python main.py` (or just `make`)"
    if os.environ.get("PYTHONPATH"):
        fix = f"unset PYTHONPATH, which puts other packages first; or else {fix}"
    sys.exit(f"error: {problem}; {fix}")
