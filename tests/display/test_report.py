"""What is printed at the end of a training."""

from types import SimpleNamespace

import numpy as np
import pytest

from starter.display import report


class Place(SimpleNamespace):
    shares = (0, 0)

    def __str__(self):
        return "Place-v0"


@pytest.mark.parametrize(
    ("solved", "said"),
    [
        (None, "sets no return to reach; the best policy is +400.00 above random"),
        (240, "is solved"),
        (251, "is not solved yet"),
    ],
)
def test_the_outcome(solved, said):
    place = Place(solved=solved, target=solved or np.inf)
    run = SimpleNamespace(best=SimpleNamespace(iteration=7, sha256="f0"), saved="runs/a")
    trained, random = np.array([200.0, 300.0] * 50), np.array([-200.0, -100.0])
    lines = report.outcome(run, place, trained, random).splitlines()
    assert "iteration 7): mean 250.00, standard deviation 50.00" in lines[0]
    assert "mean -150.00, standard deviation 50.00" in lines[1]
    assert lines[2] == f"Place-v0 {said}"
    assert lines[3].endswith("f0") and lines[4].endswith("runs/a")
