"""The example of one update computes what RLlib does."""

import re
import runpy

import numpy as np
import pytest
from helpers import PROJECT


def test_its_errors_are_rllibs(capsys):
    found = runpy.run_path(str(PROJECT / "examples" / "one_update.py"))
    assert found["errors"] == pytest.approx(-found["td_error"], abs=1e-4)
    assert np.std(found["errors"]) > 0.01
    ended = found["batch"]["dones"] == 1
    assert ended.any()
    assert found["targets"][ended] == pytest.approx(found["batch"]["rewards"][ended])
    printed = capsys.readouterr().out
    rewards, rest, target, before, after = (
        float(re.search(rf"^{name} *[+=]? +(-?[\d.]+)", printed, re.M)[1])
        for name in ("rewards", "then expected", "target", "Q before", "Q after")
    )
    assert rewards + rest == pytest.approx(target, abs=0.011)
    assert abs(target - after) < abs(target - before)
