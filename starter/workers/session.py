"""Ray, running for as long as this process has workers."""

import atexit
import logging
import os
import shutil
import signal
import sys
from typing import Iterable, Optional

import starter
from starter import Problem
from starter.workers import cluster, local_ray

_folder = None


def start(workers: int, address: Optional[str] = None, modules: Iterable[str] = ()) -> None:
    """Prepare Ray for worker processes; without any, Ray is not even imported.

    Without an `address`, Ray belongs to this process: it listens to this machine alone, and it
    ends with this process, however that ends. With an `address`, this process joins that
    cluster. Any machine that reaches a cluster can run code in it: Ray 2.2.0 has no passwords.

    Args:
        workers: number of processes.
        address: "auto", for the cluster that this machine belongs to, or "HOST:PORT".
        modules: the names of the modules that the workers need, beside this project's.

    Raises:
        Problem: if the workers cannot be had.
    """
    global _folder
    if not workers:
        if address:
            raise Problem("--address needs workers; add --workers 1 or more")
        return
    import ray

    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # or a late call would start another Ray
    # Workers may be on another machine, so the project's code is sent to them.
    ray.cloudpickle.register_pickle_by_value(starter)
    for module in modules:
        ray.cloudpickle.register_pickle_by_value(sys.modules[module])
    for name in ("ray", "ray.rllib.utils.actor_manager"):  # our own line says the same
        logging.getLogger(name).setLevel(logging.CRITICAL)
    atexit.register(stop)
    if address:
        cluster.join(address)
        cluster.require_cpus(workers)
    else:
        _folder = local_ray.start(workers)
    # Ray's own handler prints its stack and aborts.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


def stop() -> None:
    """End the Ray that `start` started, or leave the cluster; the workers end with it."""
    global _folder
    if "ray" not in sys.modules:
        return
    import ray

    ray.shutdown()
    atexit.unregister(stop)
    if _folder:
        shutil.rmtree(_folder, ignore_errors=True)
        _folder = None
