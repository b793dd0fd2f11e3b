"""The toolbox behind main.py. No module in here imports main.py.

preflight.py    what must hold before the heavy imports: Python, packages, variables
console.py      the command line: one line per error, Ctrl-C, the progress bar
files.py        files that are whole or absent
environments/   what an environment is made from, and whether it keeps its promises
learning/       RLlib's DQN made fast: sampler, exploration, replay buffer, updates
evaluation.py   how good a policy is, which is the best, when to stop
display/        what shows a policy: window, GIF, panel, learning curve, printed lines
storage/        what a run keeps: folder, checkpoint, CSV files, settings, TensorBoard
trained.py      a trained policy, for a script of one's own
workers/        what more processes and machines need: Ray, and DQN that learns beside them
"""

import os
import sys


def _refuse_shadows():
    """End with one line if a file beside the script has the name of a module that is imported.

    Python would import that file in its place: `random.py` here stands for `random` everywhere.
    """
    folder = os.path.realpath(sys.path[0])
    others = [path for path in sys.path[1:] if os.path.realpath(path) != folder]
    finder = sys.meta_path[-1]  # of files; importlib itself is not imported yet
    for name in sorted(os.listdir(folder) if os.path.isdir(folder) else ()):
        module, kind = os.path.splitext(name)
        imported = kind == ".py" or os.path.exists(os.path.join(folder, name, "__init__.py"))
        if imported and finder.find_spec(module, others):
            sys.exit(
                f"error: {os.path.join(folder, name)} has the name of a module that this project "
                f"needs, {module}; rename the file"
            )


_refuse_shadows()

from pathlib import Path  # noqa: E402

PROJECT = Path(__file__).resolve().parent.parent


class Problem(Exception):
    """An error that the user can fix; its message is the one line that they see."""
