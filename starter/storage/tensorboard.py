"""The log of a run that TensorBoard reads; `make tensorboard` shows it."""

import time
from pathlib import Path
from typing import Dict

from starter.files import writing

FOLDER = "tensorboard"  # beside the runs' folders: inside, `latest` would show up as another run
CURVES = ("episode_reward_mean", "episode_len_mean", "epsilon", "loss", "mean_q")


class Log:
    """Writes one point per iteration while the run trains.

    Args:
        folder: the run's folder; the log gets the same name.
    """

    def __init__(self, folder: Path):
        self._folder = folder.parent / FOLDER / folder.name
        self._writer = None

    def add(self, row: Dict[str, float]) -> None:
        """Add a row of statistics.csv, at its number of timesteps.

        Raises:
            Problem: if it cannot be written.
        """
        # Not SummaryWriter, whose thread would wait forever when the disk is full.
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.summary import scalar

        with writing(self._folder):
            if not self._writer:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._writer = EventsWriter(str(self._folder / "events"))
            for name in CURVES:  # in one group, which the page shows as a whole
                point = scalar(f"training/{name}", row[name])
                step = row["timesteps_total"]
                self._writer.write_event(Event(wall_time=time.time(), step=step, summary=point))
            self._writer.flush()
