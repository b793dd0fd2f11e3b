"""What is printed at the end of a training."""

from types import SimpleNamespace

import numpy as np
import pytest

from starter.display import report


@pytest.mark.parametrize(
    ("solved", "latest", "expected"),
    [
        (
            200,
            True,
            """random policy: mean -150.00, standard deviation 50.00, 0 of 2 at 200 or more
Place-v0 is solved""",
        ),
        (
            None,
            False,
            """best policy: that of iteration 7, mean 250.00, standard deviation 50.00
random policy: mean -150.00, standard deviation 50.00
Place-v0 sets no return to reach; the best policy is +400.00 above random""",
        ),
    ],
)
def test_the_outcome(solved, latest, expected):
    Place = type("Place", (), {"solved": solved, "__str__": lambda self: "Place-v0"})
    returns = np.array([200.0, 300.0])
    best = SimpleNamespace(iteration=7, returns=returns, solved=True, latest=latest, sha256="f0")
    said = report.outcome(Place(), best, np.array([-200.0, -100.0]), "runs/a")
    assert said == f"{expected}\nweights: SHA-256 f0\nsaved runs/a"
