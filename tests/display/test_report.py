"""What is printed at the end of a training; `make verify` compares that of the lander."""

from types import SimpleNamespace

import numpy as np

from starter.display import report


def test_the_outcome_without_a_return_to_reach():
    Place = type("Place", (), {"solved": None, "__str__": lambda self: "Place-v0"})
    returns = np.array([200.0, 300.0])
    best = SimpleNamespace(iteration=7, returns=returns, solved=False, latest=False, sha256="f0")
    said = report.outcome(Place(), best, np.array([-200.0, -100.0]), "runs/a")
    assert said.splitlines() == [
        "best policy: that of iteration 7, mean 250.00, standard deviation 50.00",
        "random policy: mean -150.00, standard deviation 50.00",
        "Place-v0 sets no return to reach; the best policy is +400.00 above random",
        "weights: SHA-256 f0",
        "saved runs/a",
    ]
