"""What is printed at the end of a training."""

from types import SimpleNamespace

import numpy as np
import pytest

from starter.display import report

RANDOM = np.array([-200.0, -100.0])


@pytest.mark.parametrize(
    ("threshold", "returns", "said"),
    [
        (None, [200.0, 300.0], "sets no return to reach; the best policy is +400.00 above random"),
        (240, [200.0, 300.0] * 50, "is solved"),
        (251, [200.0, 300.0] * 50, "is not solved yet"),
    ],
)
def test_the_outcome(threshold, returns, said):
    kind = type("Place", (), {"__str__": lambda self: "Place-v0", "shares": (0, 0)})
    place = kind()
    place.solved, place.target = threshold, np.inf if threshold is None else threshold
    best = SimpleNamespace(iteration=7, sha256="f0")
    run = SimpleNamespace(best=best, saved="runs/a")
    lines = report.outcome(run, place, np.array(returns), RANDOM).splitlines()
    assert "iteration 7: mean 250.00, standard deviation 50.00" in lines[0]
    assert "mean -150.00, standard deviation 50.00" in lines[1]
    assert lines[2] == f"Place-v0 {said}"
    assert lines[3].endswith("f0") and lines[4].endswith("runs/a")
