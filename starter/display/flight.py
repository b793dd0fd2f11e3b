"""What is remembered of a flight that is shown."""

from dataclasses import dataclass, field
from typing import List, Optional

import numpy as np


@dataclass
class Flight:
    """An episode so far, with the network's estimates; each list has an entry per timestep."""

    episode: int = 1
    q_values: List[np.ndarray] = field(default_factory=list)  # expected returns, shape (actions,)
    actions: List[int] = field(default_factory=list)  # their indices
    rewards: List[float] = field(default_factory=list)
    outcome: Optional[List[float]] = None  # discounted returns that followed, known at the end

    @property
    def values(self) -> np.ndarray:
        """The value V of each timestep's state, which is its largest Q-value."""
        return np.max(self.q_values, axis=1)

    def end(self, gamma: float) -> None:
        """Compute `outcome` from the rewards; `gamma` is the discount per timestep."""
        self.outcome, following = [0.0] * len(self.rewards), 0.0
        for timestep in reversed(range(len(self.rewards))):
            following = self.rewards[timestep] + gamma * following
            self.outcome[timestep] = following
