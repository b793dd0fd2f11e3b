"""A Ray of this process's own, that listens to this machine alone."""

import contextlib
import os
import shutil
import sys
import tempfile
from typing import Iterator

from starter import Problem
from starter.workers import fate_sharing

OBJECT_STORE_BYTES = 80 * 2**20  # Ray's minimum; hardly anything sent here is large enough for it
LONGEST_FOLDER = 40  # characters: a Unix socket's path has 107, and Ray's own part takes 63
ATTEMPTS = 3  # Ray draws its ports at random, and two of them may be the same


def start(workers: int) -> str:
    """Start Ray with one CPU per worker, whatever the machine has; return its temporary folder.

    Raises:
        Problem: if it does not start.
    """
    import ray

    folder = tempfile.mkdtemp(prefix="ray-")
    if len(folder) > LONGEST_FOLDER and os.path.isdir("/tmp"):
        os.rmdir(folder)
        folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    os.environ["RAY_TMPDIR"] = folder  # for files that Ray would write outside its own folder
    for attempt in range(ATTEMPTS):
        try:
            with _loopback_only():
                ray.init(
                    "local",  # whatever RAY_ADDRESS says
                    num_cpus=workers,
                    object_store_memory=OBJECT_STORE_BYTES,
                    include_dashboard=False,
                    log_to_driver=False,
                    configure_logging=False,
                    _node_ip_address="127.0.0.1",
                    _temp_dir=folder,
                    _plasma_directory=folder,  # /dev/shm is small in a container
                )
            return folder
        except Exception as error:
            ray.shutdown()
            if attempt == ATTEMPTS - 1:
                shutil.rmtree(folder, ignore_errors=True)
                raise Problem(f"Ray does not start here: {one_line(error)}") from error


def one_line(error: Exception) -> str:
    """Return an error of Ray's as one line of at most 300 characters."""
    return " ".join(str(error).split())[:300] or type(error).__name__


@contextlib.contextmanager
def _loopback_only() -> Iterator[None]:
    """Replace private functions of Ray 2.2.0 during `ray.init`.

    Ray replaces 127.0.0.1 by an address that other machines reach, and then listens on all
    addresses. It has no setting against that, nor against the processes of the dashboard, the
    autoscaler and the log monitor, which have nothing to do here; the first of them listens on
    all addresses in any case. The agent must end with its parent, as Ray's other processes do.
    What this saves: ports that anybody on the network can run code through, and three processes.
    """
    from ray._private import services
    from ray._private.node import Node

    patches = {
        (services, "resolve_ip_for_localhost"): lambda address: address,
        (Node, "start_api_server"): lambda self, **settings: None,
        (Node, "start_monitor"): lambda self: None,
        (Node, "start_log_monitor"): lambda self: None,
        (services, "_build_python_executable_command_memory_profileable"): (
            lambda component, *_: [sys.executable, "-u", fate_sharing.__file__]
        ),
    }
    originals = {place: getattr(*place) for place in patches}
    try:
        for place, patch in patches.items():
            setattr(*place, patch)
        yield
    finally:
        for place, original in originals.items():
            setattr(*place, original)
