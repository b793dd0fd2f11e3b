"""What a training has reached so far, and the files it keeps in the run's folder."""

import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

import numpy as np

from starter import Problem
from starter.display import curve
from starter.storage import checkpoint, settings, tables, tensorboard
from starter.storage import folder as run_folder

# RLlib's names for the columns of statistics.csv; its "reward" is the return of an episode.
STATISTICS = (
    "training_iteration",
    "timesteps_total",
    "episodes_total",
    "episode_reward_max",
    "episode_reward_min",
    "episode_reward_mean",
    "episode_len_mean",
)
CURVE_SECONDS = 15  # between two drawings of the learning curve, at least


@contextmanager
def opened(
    output: Union[str, Path], algorithm, environment, seed: int, folder=None, **flags: Any
) -> Iterator["Run"]:
    """Provide a `Run` with a folder of its own below `output`, or with `folder`.

    The folder is named after the environment, the seed, the settings that differ from the
    shipped ones, and the date.

    Raises:
        Problem: if the folder cannot be written to, or its disk is full.
    """
    changed = settings.differences(settings.of(algorithm.config))
    name = f"{environment}-seed{seed}" + (f"-{changed}" if changed else "")
    with run_folder.opened(output, name, folder) as folder:
        yield Run(folder, environment, seed, flags)


class Run:
    """The statistics of each iteration, the evaluations, and the best policy so far.

    Args:
        folder: where to keep them; None keeps them in memory.
        environment: the `Environment` that is learned.
        seed: the run's seed.
        flags: the command line's flags, for settings.json.

    Attributes:
        rows: one dict per iteration, with the columns of statistics.csv.
        episodes: one `(iteration, return, length in timesteps)` per training episode.
        evaluations: the returns of each evaluation's episodes, by iteration.
        best: the iteration of the best policy; None before the first.
        quality: that policy's: evaluated, confirmed, solved, mean return; in this order.
        weights: that policy's.
        saved: the newest checkpoint's path; None before the first.
    """

    def __init__(
        self,
        folder: Optional[Path],
        environment,
        seed: int = 0,
        flags: Optional[Dict[str, Any]] = None,
    ):
        self.folder = folder
        self.rows: List[Dict[str, float]] = []
        self.episodes: List[Tuple[int, float, int]] = []
        self.evaluations: Dict[int, np.ndarray] = {}
        self.best = self.quality = self.weights = self.saved = None
        self._environment = environment
        self._about = {**environment.about, "seed": seed}
        self._flags = flags
        self._drawn = time.monotonic()
        self._settings_written = False
        self._warnings = set()
        self._log = tensorboard.Log(folder) if folder else None

    def keep_if_best(
        self,
        policy,
        iteration: int,
        returns: Union[float, np.ndarray],
        confirmed: bool = False,
    ) -> None:
        """Keep the weights of `policy` if it is the best so far.

        Args:
            iteration: the iteration that it has reached.
            returns: those of an evaluation, shape (episodes,), or else the mean of the training
                episodes, which counts less than any evaluation.
            confirmed: whether other episodes confirmed the evaluation.
        """
        evaluated = isinstance(returns, np.ndarray)
        if evaluated:
            self.evaluations[iteration] = returns
        solved = evaluated and self._environment.is_solved(returns)
        mean = float(np.mean(returns))
        quality = [evaluated, bool(confirmed), solved, -np.inf if np.isnan(mean) else mean]
        if self.best is None or quality > self.quality:
            self.best, self.quality, self.weights = iteration, quality, policy.get_weights()

    def solved_since(self, iteration: int) -> int:
        """Return how many iterations ago the best policy was reached; 0 if it solves nothing."""
        return iteration - self.best if self.quality and self.quality[2] else 0

    def record(self, algorithm, result: Dict[str, Any], last: bool = False) -> None:
        """Keep what an iteration has reached, in the folder too.

        A file that cannot be written ends the training only after the last iteration, and a
        picture that cannot be drawn never does.

        Args:
            algorithm: as it is after the iteration.
            result: RLlib's result of the iteration.
            last: whether it is the last iteration.

        Raises:
            Problem: if it is the last one, and a file could not be written.
        """
        self._add(algorithm, result)
        if not self.folder:
            return
        if last:
            run_folder.release_reserve(self.folder)
        for write in (self._save_settings, self._save_tables, self._save_checkpoint):
            try:
                write(algorithm)
            except Problem as problem:
                if last:
                    raise
                self._warn(problem)
        for show in (self._add_to_log, self._draw):
            try:
                show(last)
            except Exception as error:  # the policy is worth more than any picture
                self._warn(error)

    def resume(self, algorithm, found: checkpoint.Checkpoint) -> None:
        """Put a checkpoint of this run into a newly built algorithm, and read the run's files.

        Raises:
            Problem: if the checkpoint holds no training, `algorithm` has other layers or a
                smaller replay buffer, or the run's CSV files are not there.
        """
        from starter.storage.training_state import set_state

        arrays, facts = found.training()
        set_state(algorithm, arrays, facts["algorithm"])
        self.best, self.quality, self.weights = facts["best"], facts["quality"], found.weights
        self.saved = found.path
        try:
            self._read_tables(algorithm.iteration)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise Problem(
                f"{self.folder} has no complete CSV files to resume from: {error}"
            ) from None

    def _read_tables(self, iteration):
        def until(name, column):
            rows = tables.read(self.folder / f"{name}.csv")
            return [
                row for row in rows if isinstance(row[column], int) and row[column] <= iteration
            ]

        self.rows = until("statistics", "training_iteration")
        self.episodes = [
            (row["iteration"], row["return"], row["length"])
            for row in until("episodes", "iteration")
        ]
        evaluations = {}
        for row in until("evaluations", "iteration"):
            evaluations.setdefault(row["iteration"], []).append(float(row["return"]))
        self.evaluations = {number: np.array(returns) for number, returns in evaluations.items()}

    def save_evaluations(self, **more: np.ndarray) -> None:
        """Write evaluations.csv: one row per episode of each evaluation, and of `more`.

        Raises:
            Problem: if it cannot be written; it is unchanged then.
        """
        rows = [
            [name, episode, float(episode_return)]
            for name, returns in {**self.evaluations, **more}.items()
            for episode, episode_return in enumerate(returns, start=1)
        ]
        tables.write(self.folder / "evaluations.csv", ["iteration", "episode", "return"], rows)

    def _add(self, algorithm, result):
        learned = result["info"]["learner"].get("default_policy")
        row = {name: result[name] for name in STATISTICS}
        # Of the iteration's last update; the network learns from scaled rewards.
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

    def _save_tables(self, algorithm):
        rows = [list(row.values()) for row in self.rows]
        tables.write(self.folder / "statistics.csv", list(self.rows[0]), rows)
        heading = ["iteration", "return", "length"]
        tables.write(self.folder / "episodes.csv", heading, self.episodes)
        self.save_evaluations()

    def _save_settings(self, algorithm):
        if not self._settings_written:
            about = {**self._about, "flags": self._flags}
            settings.write(self.folder, algorithm.config, **about)
            self._settings_written = True

    def _save_checkpoint(self, algorithm):
        from starter.storage.training_state import get_state

        arrays, state = get_state(algorithm)
        facts = {"algorithm": state, "best": self.best, "quality": self.quality}
        first = self.saved is None
        self.saved = checkpoint.save(
            self.folder, algorithm.iteration, self.weights, (arrays, facts), **self._about
        )
        if first:
            run_folder.name_latest(self.folder)

    def _draw(self, last):
        # The first one at once, for an image viewer to open.
        if last or len(self.rows) == 1 or time.monotonic() > self._drawn + CURVE_SECONDS:
            picture, solved = self.folder / "curve.png", self._environment.solved
            curve.draw(picture, self.rows, self.episodes, solved, self.evaluations)
            self._drawn = time.monotonic()

    def _add_to_log(self, last):
        self._log.add(self.rows[-1])

    def _warn(self, error):
        if str(error) not in self._warnings:
            self._warnings.add(str(error))
            print(f"warning: {error}; training continues", file=sys.stderr)


def huber(errors: np.ndarray) -> float:
    """RLlib's loss for DQN, of a batch's errors, shape (n,): quadratic up to 1, then linear."""
    size = np.abs(errors)
    return float(np.where(size < 1, size**2 / 2, size - 0.5).mean())
