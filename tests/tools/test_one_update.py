"""The example of one update computes what RLlib does."""

import runpy

import numpy as np
import pytest
from helpers import PROJECT


def test_its_errors_are_rllibs():
    found = runpy.run_path(str(PROJECT / "examples" / "one_update.py"))
    assert found["errors"] == pytest.approx(-found["td_error"], abs=1e-4)
    assert np.std(found["errors"]) > 0.01
    ended = found["batch"]["dones"] == 1
    assert ended.any()
    assert found["targets"][ended] == pytest.approx(found["batch"]["rewards"][ended])
    assert abs(found["target"] - found["after"]) < abs(found["target"] - found["before"])
