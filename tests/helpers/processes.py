"""A command to watch, to disturb and to end, with all its processes."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from helpers import PROJECT, environment

PATIENCE = 240  # seconds, for whatever takes some of them on an idle machine


def wait_for(condition, what, patience=PATIENCE):
    """Return what `condition` returns, as soon as that is true."""
    given_up = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < given_up, f"waited {patience} s for {what}"
        time.sleep(0.1)


def session(pid):
    """Return the session that it belongs to; None if it has ended."""
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def command(pid):
    """Return its command line; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def workers(pids):
    return [pid for pid in pids if "ray::RolloutWorker" in command(pid)]


def listening(pids):
    """Return the addresses that these processes listen on, as ss says."""
    done = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True)
    return [
        line.split()[3]
        for line in done.stdout.splitlines()
        if set(map(int, re.findall(r"pid=(\d+)", line))) & set(pids)
    ]


class Run:
    """scripts/train.py with these flags, in a session of its own, as in a terminal."""

    def __init__(self, *flags, prefix=(), **variables):
        self.lines, self.errors = [], []
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-u", "scripts/train.py", *map(str, flags)],
            cwd=str(PROJECT),
            env=environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        pipes = (self.process.stdout, self.lines), (self.process.stderr, self.errors)
        self.readers = [threading.Thread(target=self._read, args=pipe) for pipe in pipes]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def _read(pipe, lines):
        for line in pipe:
            lines.append(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def iterations(self):
        """Return the iterations printed so far: `{number: timesteps}`."""
        rows = [line.replace(",", "").split()[:2] for line in self.lines]
        return {int(row[0]): int(row[1]) for row in rows if len(row) > 1 and row[0].isdigit()}

    def wait_for_iteration(self, number):
        self._wait_for(lambda: number in self.iterations(), f"iteration {number}")

    def wait_for_error(self, words):
        self._wait_for(lambda: any(words in line for line in self.errors), words)

    def _wait_for(self, condition, what):
        wait_for(lambda: condition() or self.process.poll() is not None, what)
        if not condition():
            status = self.end()
            assert condition(), f"no {what}, exit status {status}: {''.join(self.errors)}"

    def processes(self):
        """Return the numbers of all its processes that have not ended."""
        numbers = map(int, filter(str.isdigit, os.listdir("/proc")))
        return [pid for pid in numbers if session(pid) == self.process.pid and command(pid)]

    def interrupt(self):
        """Send what Ctrl-C in a terminal sends, to all processes of the group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self):
        """Wait until all its processes have ended; return its exit status."""
        status = self.process.wait(PATIENCE)
        for reader in self.readers:
            reader.join()
        wait_for(lambda: not self.processes(), "its processes to end")
        return status
