"""What TensorBoard shows of a run, against the run's CSV file."""

import csv

import numpy as np
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.util.tensor_util import make_ndarray

CURVES = {"episode_reward_mean", "episode_len_mean", "epsilon", "loss", "mean_q"}


def test_every_point_is_the_csvs(trained):
    (folder,) = trained[0].glob("LunarLander*")
    shown = EventMultiplexer().AddRunsFromDirectory(str(trained[0] / "tensorboard")).Reload()
    assert list(shown.Runs()) == [folder.name]  # the run under its own name, and no `latest`
    assert set(shown.Runs()[folder.name]["tensors"]) == {f"training/{name}" for name in CURVES}
    with (folder / "statistics.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name in CURVES:
        points = shown.Tensors(folder.name, f"training/{name}")
        assert [point.step for point in points] == [4096, 8192]
        values = [make_ndarray(point.tensor_proto) for point in points]
        np.testing.assert_allclose(values, [float(row[name]) for row in rows], rtol=1e-6)
