"""The toolbox behind main.py. No module in here imports main.py.

preflight.py    what must hold before the heavy imports: Python, packages, variables
console.py      the command line: one line per error, Ctrl-C, the progress bar
files.py        files that are whole or absent
environments/   what is trained on: loading.py, spaces.py (vectors), checks.py, blame.py (errors)
learning/       RLlib's DQN made fast: sampler, replay buffer, updates; main.py has its settings
evaluation.py   how good a policy is, which is the best, and when main.train stops
display/        what shows a policy: view.py picks window or GIF and the title; panel, curve, lines
storage/        what a run keeps: run.py has CSV files, TensorBoard's log; checkpoint, settings
trained.py      a trained policy, for a script of one's own
workers/        what more processes and machines need: Ray, and DQN that learns beside them
"""

import sys

# Python looks into the script's folder first, where a file of the user's such as random.py or
# gym.py would be imported in place of the module. Now it looks there last.
sys.path.append(sys.path.pop(0))

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


class Problem(Exception):
    """An error that the user can fix; its message is the one line that they see."""


class Terminated(BaseException):
    """SIGTERM has come. No environment raises this, as it may raise SystemExit."""


def terminate(*_):
    """Handle SIGTERM, in place of Ray's handler, which raises SystemExit."""
    raise Terminated
