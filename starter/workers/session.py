"""Ray, for as long as this process has workers: its own, or a cluster that already runs."""

import atexit
import contextlib
import io
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from typing import Iterable, Optional
from unittest.mock import DEFAULT, patch

import ray
from ray._private import gcs_utils, services, utils
from ray._private.node import Node
from ray._private.state import GlobalState

import starter
from starter import Problem

OBJECT_STORE_BYTES = 80 * 2**20  # Ray's minimum, and more than the workers' fragments need
ANSWER_SECONDS = 5  # for a cluster to say that it is there
FREE_SECONDS = 5  # for the CPUs of a run that has just ended to become free

ending = contextlib.ExitStack()
stop = ending.close  # ends the Ray that `start` started, or leaves the cluster


def start(workers: int, address: Optional[str] = None, modules: Iterable[str] = ()) -> None:
    """Start or join Ray for that many worker processes; for none, do nothing.

    Without an `address`, Ray's servers listen on 127.0.0.1 only, and end with this process,
    however it ends. With one ("HOST:PORT", or "auto" for the cluster that this machine belongs
    to), this process joins that cluster, or raises a `Problem` if it cannot be joined or has too
    few free CPUs. `modules` names those that the workers need, besides this project's.
    """
    if not workers:
        if address:
            raise Problem("--address needs workers; add --workers 1 or more")
        return
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # a late call must not start another Ray
    # Workers on other machines do not have these files.
    for module in (starter, *(sys.modules[name] for name in modules)):
        ray.cloudpickle.register_pickle_by_value(module)
    for name in ("ray", "ray.rllib.utils.actor_manager"):  # PipelinedDQN says the same in a line
        logging.getLogger(name).setLevel(logging.CRITICAL)
    atexit.register(stop)
    if address:
        _join(address, workers)
    else:
        _start_here(workers)
    signal.signal(signal.SIGTERM, starter.terminate)  # Ray's handler prints a stack and aborts


def _start_here(workers):
    """Start Ray with one CPU per worker, whatever the machine has.

    Ray has no setting to listen on 127.0.0.1 only, nor to leave out the dashboard, the
    autoscaler, the log monitor and the agent. The dashboard listens on every address, and the
    agent outlives a killed parent by minutes. So functions of Ray 2.2.0 are replaced here.
    """
    start_process = services.start_ray_process

    def start_without_agent(command, *args, **kwargs):
        command = [word for word in command if not word.startswith("--agent_command=")]
        return start_process(command, *args, **kwargs)

    # Not TMPDIR, which may be too long: the path of a Unix socket has at most 107 characters.
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    ending.callback(shutil.rmtree, folder, ignore_errors=True)
    ending.callback(ray.shutdown)
    unneeded = {f"start_{name}": DEFAULT for name in ("api_server", "monitor", "log_monitor")}
    with patch.multiple(Node, **unneeded), patch.multiple(
        services,
        resolve_ip_for_localhost=str,  # Ray's own returns an address for other machines
        start_ray_process=start_without_agent,
    ):
        ray.init(
            "local",  # whatever RAY_ADDRESS says
            num_cpus=workers,
            object_store_memory=OBJECT_STORE_BYTES,
            log_to_driver=False,
            configure_logging=False,
            _node_ip_address="127.0.0.1",
            _plasma_directory=folder,  # /dev/shm is small in a container
            _temp_dir=folder,
        )


def _join(address, workers):
    """Connect this process to the Ray cluster at that address."""
    if address == "auto":
        # Not Ray's own search, which also finds the Ray of another run on this machine.
        address = os.environ.get("RAY_ADDRESS") or utils.read_ray_address() or address
    address = services.resolve_ip_for_localhost(address)
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # it prints a traceback
            answers = gcs_utils.check_health(address, timeout=ANSWER_SECONDS)
        if not answers:  # `ray.init` would try for minutes
            raise Problem(
                f"no Ray cluster answers at {address}; "
                "--address takes auto or HOST:PORT, see docs/cluster.md"
            )
        own = services.node_ip_address_from_perspective(address)
        state = GlobalState()
        state._initialize_global_state(services._get_gcs_client_options(address))
        members = [node["NodeManagerAddress"] for node in state.node_table() if node["Alive"]]
        if own not in members:  # `ray.init` would abort
            raise Problem(
                f"this machine, {own}, is not in the cluster at {address}; "
                f"run `.venv/bin/ray start --address={address}` first"
            )
        ending.callback(ray.shutdown)
        ray.init(address, log_to_driver=False, configure_logging=False, _node_ip_address=own)
    except RuntimeError as error:  # another version of Ray or Python
        reason = " ".join(str(error).split())
        raise Problem(f"cannot join the Ray cluster at {address}: {reason}") from error
    given_up = time.monotonic() + FREE_SECONDS
    while (free := int(ray.available_resources().get("CPU", 0))) < workers:
        if time.monotonic() > given_up:
            raise Problem(
                f"the cluster has {free} free CPUs; use at most --workers {free}, or add machines"
            )
        time.sleep(0.2)
