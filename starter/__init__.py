"""The toolbox behind main.py. No module in here imports main.py.

preflight.py    what must hold before the heavy imports: Python, packages, variables
console.py      the command line: one line per error, Ctrl-C, the progress bar
environments/   what an environment is made from, and whether it keeps its promises
learning/       what makes RLlib learn it: adapter, sampler, exploration, replay buffer, build
display/        what shows a policy: window, GIF, overlay, learning curve
storage/        what a run keeps: folder, checkpoint, CSV files, settings, TensorBoard
workers/        what more processes and machines need: Ray, and DQN that learns beside them
"""

from pathlib import Path
from typing import Optional

PROJECT = Path(__file__).resolve().parent.parent


class Problem(Exception):
    """An error that the user can fix; its message is the one line that they see.

    Attributes:
        traceback: that of the user's own code, for a file; None if the line says it all.
    """

    traceback: Optional[str] = None
