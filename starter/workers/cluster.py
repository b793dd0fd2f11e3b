"""Ray for worker processes: one of our own on this machine alone, or one that is there."""

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

import starter
from starter import Problem
from starter.workers import fate_sharing

OBJECT_STORE_BYTES = 80 * 2**20  # Ray's least; what is sent here hardly ever goes there
LONGEST_FOLDER = 40  # characters; of a Unix socket's 107, Ray takes 63 for its own below it
ATTEMPTS = 3  # Ray draws its ports at random, and two of them may be the same
ANSWER_SECONDS = 5
FREE_SECONDS = 5  # for CPUs to be free again that another run has just left

_folder = None


def start(workers, address=None, module=None):
    """Have Ray ready for so many worker processes; none, and Ray is not even imported.

    Without an `address`, it is a Ray of this process's own: its processes listen to this
    machine alone, and they end with this one, however it ends. With one, that cluster's: any
    machine that reaches it runs code there, for Ray 2.2.0 asks nobody who they are.

    Args:
        workers: number of processes.
        address: "auto", for the cluster that this machine belongs to, or "HOST:PORT".
        module: the name of one that the workers need, beside this project's.

    Raises:
        Problem: if they cannot be had.
    """
    if not workers:
        if address:
            raise Problem("--address is of no use without --workers; give --workers 1 or more")
        return
    import ray

    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # or a late call would start another Ray
    # What a worker needs of this project is sent to it, for it may be on another machine.
    ray.cloudpickle.register_pickle_by_value(starter)
    if module:
        ray.cloudpickle.register_pickle_by_value(sys.modules[module])
    for name in ("ray", "ray.rllib.utils.actor_manager"):  # we say it in a line
        logging.getLogger(name).setLevel(logging.CRITICAL)
    atexit.register(stop)
    if address:
        _join(ray, address)
        _require_cpus(ray, workers)
    else:
        _start_own(ray, workers)
    # Ray's own handler prints its stack and aborts.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


def stop():
    """End what `start` started, or leave the cluster; the workers end, too."""
    global _folder
    if "ray" not in sys.modules:
        return
    import ray

    ray.shutdown()
    atexit.unregister(stop)
    if _folder:
        shutil.rmtree(_folder, ignore_errors=True)
        _folder = None


def _start_own(ray, workers):
    global _folder
    _folder = tempfile.mkdtemp(prefix="ray-")
    if len(_folder) > LONGEST_FOLDER and os.path.isdir("/tmp"):
        os.rmdir(_folder)
        _folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    os.environ["RAY_TMPDIR"] = _folder  # for what Ray would write beside its own folder
    for attempt in range(ATTEMPTS):
        try:
            with _ours_alone():
                ray.init(
                    "local",  # whatever RAY_ADDRESS says
                    num_cpus=workers,  # more than there are cores, if that is asked for
                    object_store_memory=OBJECT_STORE_BYTES,
                    include_dashboard=False,
                    log_to_driver=False,
                    configure_logging=False,
                    _node_ip_address="127.0.0.1",
                    _temp_dir=_folder,
                    _plasma_directory=_folder,  # /dev/shm is small in a container
                )
            return
        except Exception as error:
            ray.shutdown()
            if attempt == ATTEMPTS - 1:
                raise Problem(f"Ray does not start here: {_one_line(error)}") from error


@contextlib.contextmanager
def _ours_alone():
    """Let `ray.init` take 127.0.0.1 for this node's address, and start what is needed alone.

    Ray replaces 127.0.0.1 by an address that others reach, and then listens on all of them.
    The dashboard's, the autoscaler's and the log monitor's processes have nothing to do here,
    and the first of them listens on all addresses come what may. The agent's has to end with
    its parent, as Ray's others do.
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


def _join(ray, address):
    from ray._private import services, utils

    if address == "auto":
        # Not Ray's own search: it would also find the Ray of another run on this machine.
        address = os.environ.get("RAY_ADDRESS") or utils.read_ray_address()
        if not address:
            raise Problem("no Ray cluster was started on this machine; see docs/cluster.md")
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise Problem(f"--address takes auto or HOST:PORT, not {address}")
    address = services.resolve_ip_for_localhost(address)
    _require_answer(address)
    own = services.node_ip_address_from_perspective(address)
    _require_membership(address, own)
    try:
        ray.init(
            address,
            log_to_driver=False,
            configure_logging=False,
            _node_ip_address=own,
        )
    except Exception as error:
        raise Problem(f"cannot join the Ray cluster at {address}: {_one_line(error)}") from error


def _require_answer(address):
    """Ask the cluster's first server, within seconds: `ray.init` would try for minutes."""
    from ray._private.gcs_utils import check_health

    try:
        with contextlib.redirect_stderr(io.StringIO()):  # it prints a traceback
            answers = check_health(address, timeout=ANSWER_SECONDS)
    except RuntimeError as error:  # it has another version
        raise Problem(f"{_one_line(error)} Every machine needs the pinned one") from None
    if not answers:
        raise Problem(f"no Ray answers at {address}; see docs/cluster.md for how to start it")


def _require_membership(address, own):
    """Ray would end this process where no Ray runs on this machine."""
    from ray._private.state import GlobalState
    from ray._raylet import GcsClientOptions

    state = GlobalState()
    state._initialize_global_state(GcsClientOptions.from_gcs_address(address))
    members = {node["NodeManagerAddress"] for node in state.node_table() if node["Alive"]}
    state.disconnect()
    if own not in members:
        raise Problem(
            f"this machine, {own}, is not in the cluster at {address}; "
            f"run `.venv/bin/ray start --address={address}` first"
        )


def _require_cpus(ray, workers):
    given_up = time.monotonic() + FREE_SECONDS
    while True:
        free = int(ray.available_resources().get("CPU", 0))
        if free >= workers:
            return
        if time.monotonic() > given_up:
            raise Problem(
                f"the cluster has {free} free CPUs; give --workers {free} at most, or add machines"
            )
        time.sleep(0.2)


def _one_line(error):
    return " ".join(str(error).split())[:300] or type(error).__name__
