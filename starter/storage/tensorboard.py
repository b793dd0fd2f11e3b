"""A run's figures for TensorBoard: `make tensorboard` shows them."""

import time
from pathlib import Path

FOLDER = "tensorboard"  # beside the runs' folders: in theirs, `latest` would be one more run
# One group, so that the page shows all of them at once.
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
    """Writes what TensorBoard reads, a point for each iteration, as it trains.

    TensorFlow's own writer takes each point at once: those that have a thread of their own
    wait for ever when the disk is full.

    Args:
        folder: the run's; the log has its name.
    """

    def __init__(self, folder):
        self._folder = Path(folder).parent / FOLDER / Path(folder).name
        self._file = None

    def add(self, row):
        """Add a row of statistics.csv, at its number of timesteps.

        Raises:
            OSError, tf.errors.OpError: if it could not be written.
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
