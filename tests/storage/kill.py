"""Kill training at random moments and see what is left: .venv/bin/python tests/kill.py 50

Each time it is killed (kill -9) up to some seconds after its first iteration, its newest
checkpoint must be whole and hold every iteration that was printed but the last one, which
may not have been saved yet. The next training goes on from there with --resume.
"""

import csv
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from starter import preflight
from starter.storage import checkpoint


def kill(moments, output, seed, longest=4.0):
    """Kill so many times; gives what was found each time: `(printed, saved)` iterations."""
    preflight.check()
    moment = random.Random(seed)
    found = []
    for _ in range(moments):
        flags = ["--iterations", "1000", "--stop-reward", "1e9", "--render", "none"]
        flags += ["--output", str(output)] + (["--resume"] if found else [])
        process = subprocess.Popen(
            [sys.executable, "-u", str(PROJECT / "main.py"), *flags],
            stdout=subprocess.PIPE,
            text=True,
        )
        printed = []
        first = threading.Event()

        def read(lines=process.stdout, printed=printed, first=first):
            for line in lines:
                if line.split()[0].isdigit():
                    printed.append(int(line.split()[0]))
                    if len(printed) == 2:  # the first one is saved then
                        first.set()

        reader = threading.Thread(target=read)
        reader.start()
        try:
            assert first.wait(600), "it did not begin to train"
            time.sleep(moment.uniform(0, longest))
        finally:
            process.kill()
            process.wait()
            reader.join()
        newest = checkpoint.newest(Path(output) / "latest")
        arrays, facts = newest.training()
        saved = newest.manifest["iteration"]
        assert saved >= printed[-1] - 1, (printed, saved)
        assert facts["algorithm"]["iteration"] == saved
        assert facts["algorithm"]["counters"]["num_env_steps_sampled"] == 4096 * saved
        assert len(arrays["buffer/obs"]) == min(4096 * saved, 100_000)
        with (newest.path.parent / "statistics.csv").open() as file:
            rows = [int(row["training_iteration"]) for row in csv.DictReader(file)]
        assert rows == [*range(1, len(rows) + 1)]
        assert len(rows) >= saved
        found.append((printed[-1], saved))
        print(f"{len(found)}: killed after iteration {printed[-1]} was printed, {saved} is saved")
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as output:
        found = kill(int(sys.argv[1]), output, seed=0)
        lost = sum(printed - saved for printed, saved in found)
        print(f"killed {len(found)} times, up to iteration {found[-1][1]}: ", end="")
        print(f"each newest checkpoint is whole; {lost} iterations were printed and not yet saved")
