"""What a training has come to so far, and what of it a run's folder keeps."""

import csv
import json
import platform
import sys
import time
from pathlib import Path

import numpy as np

from starter import Problem
from starter.display import curve
from starter.storage import checkpoint, tensorboard
from starter.storage import folder as run_folder

# RLlib's names for what an iteration's row of statistics.csv says; "reward" is the return.
STATISTICS = (
    "training_iteration",
    "timesteps_total",
    "episodes_total",
    "episode_reward_max",
    "episode_reward_min",
    "episode_reward_mean",
    "episode_len_mean",
)
NOT_SETTINGS = ("multiagent", "logger_creator")  # new objects each time
REDRAW = 15  # seconds from one drawing of the curve to the next, at least


class Run:
    """The figures of each iteration, the evaluations, and the best policy so far.

    Args:
        folder: where to keep them; None for nowhere.
        solved: the return that counts as a solution, for the curve; None if none does.
        about: what each checkpoint's manifest says of it.

    Attributes:
        rows: of each iteration, its figures by the names in statistics.csv.
        episodes: of each training episode, `(iteration, return, length in timesteps)`.
        evaluations: by iteration, the returns of its evaluation's episodes.
        best: the iteration of the best policy; None before the first.
        rank: that policy's, in whatever order the caller compares.
        weights: that policy's.
        saved: the newest checkpoint's path; None before the first.
        flags: what settings.json says of the command line.
    """

    def __init__(self, folder=None, solved=200, **about):
        self.folder = folder and Path(folder)
        self.rows, self.episodes, self.evaluations = [], [], {}
        self.best = self.rank = self.weights = self.saved = None
        self.flags = {}
        self._solved, self._about = solved, about
        self._drawn = time.monotonic()
        self._warned = set()
        self._begun = 0  # rows before this process went on
        self._log = tensorboard.Log(folder) if folder else None

    def choose(self, iteration, rank, policy):
        """Take `policy` for the best if its rank is higher than the best one's so far."""
        if self.best is None or rank > self.rank:
            self.best, self.rank, self.weights = iteration, rank, policy.get_weights()

    def record(self, algorithm, result, last=False):
        """Keep what an iteration came to, in the folder too.

        What cannot be written ends the training only at its last iteration, and what cannot
        be drawn never does.

        Args:
            algorithm: as it is after the iteration.
            result: RLlib's result of it.
            last: whether it is the last one.

        Raises:
            Problem: if it is, and could not be written.
        """
        self._add(algorithm, result)
        if not self.folder:
            return
        if last:
            run_folder.release_reserve(self.folder)
        for write in (self._save_settings, self._save_csv, self._save_checkpoint):
            try:
                write(algorithm)
            except Problem as problem:
                if last:
                    raise
                self._warn(problem)
        for show in (self._add_to_log, self._draw):
            try:
                show(last)
            except Exception as error:  # whatever it is, what was learned is worth more
                self._warn(error)

    def resume(self, algorithm, found):
        """Go on from a checkpoint of this run, with everything up to its iteration.

        Raises:
            Problem: if it holds no training, `algorithm` has other layers or memory, or the
                run's CSV files are not there.
        """
        from starter.learning.build import set_state

        arrays, facts = found.training()
        set_state(algorithm, arrays, facts["algorithm"])
        self.best, self.rank, self.weights = facts["best"], facts["rank"], found.weights
        self.saved = found.path
        try:
            self._read_csv(algorithm.iteration)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise Problem(f"{self.folder} has no whole CSV files to go on with: {error}") from None

    def _read_csv(self, iteration):
        self.rows = [
            {name: _number(value) for name, value in row.items()}
            for row in _read_csv(self.folder / "statistics.csv")
            if int(row["training_iteration"]) <= iteration
        ]
        self._begun = len(self.rows)
        self.episodes = [
            (int(row["iteration"]), float(row["return"]), int(row["length"]))
            for row in _read_csv(self.folder / "episodes.csv")
            if int(row["iteration"]) <= iteration
        ]
        evaluations = _read_csv(self.folder / "evaluations.csv")
        for number in {row["iteration"]: None for row in evaluations}:
            if number.isdigit() and int(number) <= iteration:
                self.evaluations[int(number)] = np.array(
                    [float(row["return"]) for row in evaluations if row["iteration"] == number]
                )

    def save_evaluations(self, **more):
        """Write evaluations.csv: a row for each episode of each evaluation, and of `more`.

        Raises:
            Problem: if it could not be written; it is as it was before then.
        """
        rows = [
            [name, episode, float(episode_return)]
            for name, returns in {**self.evaluations, **more}.items()
            for episode, episode_return in enumerate(returns, start=1)
        ]
        _write_csv(self.folder / "evaluations.csv", ["iteration", "episode", "return"], rows)

    def _add(self, algorithm, result):
        learned = result["info"]["learner"].get("default_policy")
        row = {name: result[name] for name in STATISTICS}
        # Of the iteration's last update, in scaled rewards as the network learns them.
        row["mean_q"] = float(learned["learner_stats"]["mean_q"]) if learned else float("nan")
        row["loss"] = huber(learned["td_error"]) if learned else float("nan")
        row["epsilon"] = algorithm.get_policy().exploration.epsilon(result["timesteps_total"])
        row["time_total_s"] = result["time_total_s"]
        self.rows.append(row)
        new = result["episodes_this_iter"]
        histories = result["hist_stats"]
        returns, lengths = histories["episode_reward"], histories["episode_lengths"]
        for episode in range(len(returns) - new, len(returns)):
            values = float(returns[episode]), int(lengths[episode])
            self.episodes.append((result["training_iteration"], *values))

    def _save_csv(self, algorithm):
        _write_csv(
            self.folder / "statistics.csv",
            list(self.rows[0]),
            [list(row.values()) for row in self.rows],
        )
        _write_csv(self.folder / "episodes.csv", ["iteration", "return", "length"], self.episodes)
        self.save_evaluations()

    def _save_settings(self, algorithm):
        """The flags, the versions and what of RLlib's settings is not its default."""
        if len(self.rows) - self._begun > 1:
            return
        import gymnasium
        import ray
        import tensorflow

        config = algorithm.config
        default = type(config)().to_dict()
        settings = {
            **self._about,
            "flags": self.flags,
            "versions": {
                "python": platform.python_version(),
                **{m.__name__: m.__version__ for m in (ray, gymnasium, tensorflow)},
            },
            "algorithm": {
                name: value
                for name, value in config.to_dict().items()
                if value != default.get(name) and name not in NOT_SETTINGS
            },
        }
        with run_folder.replacing(self.folder / "settings.json") as scratch:
            scratch.write_text(json.dumps(settings, indent=2, default=_name) + "\n", "utf-8")

    def _save_checkpoint(self, algorithm):
        from starter.learning.build import get_state

        arrays, state = get_state(algorithm)
        facts = {"algorithm": state, "best": self.best, "rank": self.rank}
        first = self.saved is None
        self.saved = checkpoint.save(
            self.folder, algorithm.iteration, self.weights, (arrays, facts), **self._about
        )
        if first:
            run_folder.name_latest(self.folder)

    def _draw(self, last):
        # The first at once, for an image viewer to open.
        if last or len(self.rows) == 1 or time.monotonic() > self._drawn + REDRAW:
            picture = self.folder / "curve.png"
            curve.draw(picture, self.rows, self.episodes, self._solved, self.evaluations)
            self._drawn = time.monotonic()

    def _add_to_log(self, last):
        self._log.add(self.rows[-1])

    def _warn(self, error):
        if str(error) not in self._warned:
            self._warned.add(str(error))
            print(f"warning: {error}; training goes on", file=sys.stderr)


def huber(errors):
    """RLlib's loss for DQN, of a batch's errors, shape (n,): quadratic up to 1, then linear."""
    size = np.abs(errors)
    return float(np.where(size < 1, size**2 / 2, size - 0.5).mean())


def _number(text):
    try:
        return int(text)
    except ValueError:
        return float(text)


def _name(thing):
    return getattr(thing, "__qualname__", str(thing))


def _read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _write_csv(path, heading, rows):
    with run_folder.replacing(path) as scratch, scratch.open(
        "w", newline="", encoding="utf-8"
    ) as file:
        csv.writer(file, lineterminator="\n").writerows([heading, *rows])
