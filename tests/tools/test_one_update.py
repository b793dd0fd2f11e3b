"""The example of one update computes what RLlib does."""

import runpy

import numpy as np
import pytest
from helpers import PROJECT

from starter.learning.replay_buffer import ColumnarReplayBuffer


def test_its_errors_are_rllibs(monkeypatch):
    sample = ColumnarReplayBuffer.sample

    def sample_with_ends(self, num_items):
        batch, kept = sample(self, num_items), self.get_state()
        ended = np.flatnonzero(kept["dones"] == 1)[:3]
        for name, column in kept.items():
            batch["default_policy"][name][:3] = column[ended]
        return batch

    monkeypatch.setattr(ColumnarReplayBuffer, "sample", sample_with_ends)
    found = runpy.run_path(str(PROJECT / "examples" / "one_update.py"))
    assert found["errors"] == pytest.approx(-found["td_error"], abs=1e-4)
    assert np.std(found["errors"]) > 0.01
    ended = found["batch"]["dones"] == 1
    assert ended.sum() >= 3
    assert found["targets"][ended] == pytest.approx(found["batch"]["rewards"][ended])
    assert abs(found["target"] - found["after"]) < abs(found["target"] - found["before"])
