"""What TensorBoard shows of a run, compared with the run's CSV file."""

import csv

import numpy as np
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

CURVES = {"episode_reward_mean", "episode_len_mean", "epsilon", "loss", "mean_q"}


def test_every_point_is_the_csv_files(trained):
    (folder,) = trained[0].glob("LunarLander*")
    shown = EventMultiplexer().AddRunsFromDirectory(str(trained[0] / "tensorboard")).Reload()
    assert list(shown.Runs()) == [folder.name]  # the run under its own name, and no `latest`
    assert set(shown.Runs()[folder.name]["scalars"]) == {f"training/{name}" for name in CURVES}
    with (folder / "statistics.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name in CURVES:
        points = shown.Scalars(folder.name, f"training/{name}")
        steps = [int(row["timesteps_total"]) for row in rows]
        assert [point.step for point in points] == steps
        values = [float(row[name]) for row in rows]
        np.testing.assert_allclose([point.value for point in points], values, rtol=1e-6)
