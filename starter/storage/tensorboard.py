"""The log of a run for TensorBoard, which `make tensorboard` shows."""

import time
from pathlib import Path
from typing import Dict

from starter.files import writing

CURVES = ("episode_reward_mean", "episode_len_mean", "epsilon", "loss", "mean_q")


class Log:
    """Writes one point per iteration, to a folder with the name of the run's `folder`."""

    def __init__(self, folder: Path):
        # Beside the runs' folders: inside, `latest` would show up as another run.
        self._folder = folder.parent / "tensorboard" / folder.name
        self._writer = None

    def add(self, row: Dict[str, float]) -> None:
        """Add a row of statistics.csv, at its number of timesteps.

        Raises:
            Problem: if it cannot be written.
        """
        # Not SummaryWriter, whose thread would wait forever when the disk is full.
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary

        # The page shows what is before the slash as one group.
        points = [Summary.Value(tag=f"training/{n}", simple_value=row[n]) for n in CURVES]
        summary, step = Summary(value=points), row["timesteps_total"]
        with writing(self._folder):
            if not self._writer:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._writer = EventsWriter(str(self._folder / "events"))
            self._writer.write_event(Event(wall_time=time.time(), step=step, summary=summary))
            self._writer.flush()
