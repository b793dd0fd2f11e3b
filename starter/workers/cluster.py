"""A Ray cluster that is already running."""

import contextlib
import io
import os
import time

from starter import Problem
from starter.workers.local_ray import one_line

ANSWER_SECONDS = 5
FREE_SECONDS = 5  # until CPUs are free again that another run has just left


def join(address: str) -> None:
    """Connect this process to the Ray cluster at that address.

    Args:
        address: "auto", for the cluster that this machine belongs to, or "HOST:PORT".

    Raises:
        Problem: if there is none, or if this machine does not belong to it.
    """
    import ray
    from ray._private import services, utils

    if address == "auto":
        # Not Ray's own search, which also finds the Ray of another run on this machine.
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
        raise Problem(f"cannot join the Ray cluster at {address}: {one_line(error)}") from error


def _require_answer(address):
    """Ask the cluster's first server, for a few seconds; `ray.init` would try for minutes."""
    from ray._private.gcs_utils import check_health

    try:
        with contextlib.redirect_stderr(io.StringIO()):  # it prints a traceback
            answers = check_health(address, timeout=ANSWER_SECONDS)
    except RuntimeError as error:  # another version
        raise Problem(f"{one_line(error)} Every machine needs the pinned one") from None
    if not answers:
        raise Problem(f"no Ray answers at {address}; see docs/cluster.md for how to start it")


def _require_membership(address, own):
    """`ray.init` would end this process if no Ray of the cluster runs on this machine."""
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


def require_cpus(workers: int) -> None:
    """Wait a little until the cluster has a free CPU for each worker.

    Raises:
        Problem: if it has not.
    """
    import ray

    given_up = time.monotonic() + FREE_SECONDS
    while True:
        free = int(ray.available_resources().get("CPU", 0))
        if free >= workers:
            return
        if time.monotonic() > given_up:
            raise Problem(
                f"the cluster has {free} free CPUs; use at most --workers {free}, or add machines"
            )
        time.sleep(0.2)
