"""The log of a run that TensorBoard reads; `make tensorboard` shows it."""

import time
from pathlib import Path
from typing import Dict

FOLDER = "tensorboard"  # beside the runs' folders: inside, `latest` would show up as another run
# One group, which the page shows as a whole.
TAGS = {
    f"training/{name}": name
    for name in (
        "episode_reward_mean",
        "episode_len_mean",
        "epsilon",
        "loss",
        "mean_q",
    )
}


class Log:
    """Writes one point per iteration while the run trains.

    It uses `TFRecordWriter` because the usual summary writers have a thread that waits forever
    when the disk is full.

    Args:
        folder: the run's folder; the log gets the same name.
    """

    def __init__(self, folder: Path):
        self._folder = folder.parent / FOLDER / folder.name
        self._file = None

    def add(self, row: Dict[str, float]) -> None:
        """Add a row of statistics.csv, at its number of timesteps.

        Raises:
            OSError, tf.errors.OpError: if it cannot be written.
        """
        import tensorflow as tf

        if not self._file:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"events.out.tfevents.{row['training_iteration']:06}"
            self._file = tf.io.TFRecordWriter(str(path))
            first = tf.compat.v1.Event(wall_time=0, file_version="brain.Event:2")
            self._file.write(first.SerializeToString())
        values = [
            tf.compat.v1.Summary.Value(tag=tag, simple_value=row[name])
            for tag, name in TAGS.items()
        ]
        event = tf.compat.v1.Event(
            wall_time=time.time(),
            step=row["timesteps_total"],
            summary=tf.compat.v1.Summary(value=values),
        )
        self._file.write(event.SerializeToString())
        self._file.flush()
