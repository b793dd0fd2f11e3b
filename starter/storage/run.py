"""What a training has reached so far, and the files it keeps in the run's folder."""

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

import numpy as np

from starter import Problem
from starter.evaluation import Best, Evaluation
from starter.storage import checkpoint, settings, tables, tensorboard
from starter.storage.folder import name_latest, opened

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


@contextmanager
def open_run(
    output: Union[str, Path], algorithm, environment, seed: int, folder=None, **flags: Any
) -> Iterator["Run"]:
    """Provide a `Run` with a folder of its own below `output`, or with `folder`.

    The folder is named after the environment, the seed, the settings that differ from the
    shipped ones, and the date.

    Raises:
        Problem: if the folder cannot be written to; at the end, if the newest files could not be.
    """
    changed = settings.differences(settings.from_config(algorithm.config))
    name = f"{environment}-seed{seed}" + (f"-{changed}" if changed else "")
    with opened(output, name, folder) as folder:
        run = Run(folder, {**environment.manifest, "seed": seed}, flags)
        try:
            yield run
        except Problem as problem:
            kept = f"; what was learned before is in {run.saved}" if run.saved else ""
            raise Problem(f"{problem}{kept}") from problem
        if run.unsaved:
            raise run.unsaved


class Run:
    """The statistics of each iteration, the evaluations, and the best policy so far.

    Args:
        folder: where to keep them; None keeps them in memory.
        manifest: what the checkpoints say of the environment and the seed.
        flags: the command line's flags, for settings.json.

    Attributes:
        rows: one dict per iteration, with the columns of statistics.csv.
        episodes: one `(iteration, return, length in timesteps)` per training episode.
        evaluations: the returns of each evaluation's episodes, by iteration.
        best: the `Best` policy.
        saved: the newest checkpoint's path; None before the first.
        unsaved: why the newest files could not be written; None if they are.
    """

    def __init__(
        self,
        folder: Optional[Path] = None,
        manifest: Optional[Dict[str, Any]] = None,
        flags: Optional[Dict[str, Any]] = None,
    ):
        self.folder = folder
        self.rows: List[Dict[str, float]] = []
        self.episodes: List[Tuple[int, float, int]] = []
        self.evaluations: Dict[int, np.ndarray] = {}
        self.best = Best()
        self.saved: Optional[Path] = None
        self.unsaved: Optional[Problem] = None
        self._manifest, self._flags = manifest, flags
        self._warned = False
        self._log = tensorboard.Log(folder) if folder else None

    def record(self, algorithm, result: Dict[str, Any], evaluation: Optional[Evaluation]) -> None:
        """Keep what an iteration has reached, in the folder too.

        What cannot be written is a warning here: training is worth more. See `unsaved`.

        Args:
            algorithm: as it is after the iteration.
            result: RLlib's result of the iteration.
            evaluation: the one after the iteration, if there was one.
        """
        iteration = result["training_iteration"]
        if evaluation:
            self.evaluations[iteration] = evaluation.returns
        self.rows.append(_statistics(algorithm, result))
        histories = result["hist_stats"]  # of the last 100 episodes, or of all new ones if more
        recent = list(zip(histories["episode_reward"], histories["episode_lengths"]))
        for episode_return, length in recent[len(recent) - result["episodes_this_iter"] :]:
            self.episodes.append((iteration, float(episode_return), int(length)))
        if self.folder:
            self.unsaved = None
            about = {**self._manifest, "flags": self._flags}
            self.save(settings.write, self.folder, algorithm.config, **about)
            self.save(self._save_tables)
            self.save(self._save_checkpoint, algorithm)
            self.save(self._log.add, self.rows[-1])

    def save(self, write, *args, **kwargs) -> None:
        """Call `write`; keep its `Problem`, if any, as `unsaved`, and warn of the run's first."""
        try:
            write(*args, **kwargs)
        except Problem as problem:
            if not self._warned:
                print(f"warning: {problem}; training continues", file=sys.stderr)
            self._warned, self.unsaved = True, problem

    def finish(self, **evaluations: np.ndarray) -> None:
        """Add evaluations that are no iteration's to evaluations.csv: their returns, by name."""
        self.save(self._save_tables, **evaluations)

    def resume(self, algorithm, found: checkpoint.Checkpoint) -> None:
        """Put a checkpoint of this run into a newly built algorithm, and into this new `Run`.

        Raises:
            Problem: if the checkpoint holds no training, or `algorithm` has another network or a
                smaller replay buffer.
        """
        from starter.storage.training_state import set_state

        now, before = settings.from_config(algorithm.config), settings.read(self.folder)
        before = before.get("algorithm", now)
        if now != before:
            changed, old = settings.differences(now, before), settings.differences(before, now)
            print(f"resuming with other settings than before: {changed}; before: {old}")
        arrays, facts = found.training()
        set_state(algorithm, arrays, facts["algorithm"])
        self.best.restore(facts["best"], found.weights)
        self.saved = found.path
        self.rows, self.episodes = facts["rows"], facts["episodes"]
        self.evaluations = {int(n): np.array(r) for n, r in facts["evaluations"].items()}

    def _save_tables(self, **more):
        for name, heading, rows in (
            ("statistics", self.rows[0], [row.values() for row in self.rows]),
            ("episodes", ("iteration", "return", "length"), self.episodes),
            ("evaluations", ("iteration", "episode", "return"), self._flown(more)),
        ):
            tables.write(self.folder / f"{name}.csv", heading, rows)

    def _flown(self, more):
        for name, returns in {**self.evaluations, **more}.items():
            for episode, episode_return in enumerate(returns, start=1):
                yield name, episode, float(episode_return)

    def _save_checkpoint(self, algorithm):
        from starter.storage.training_state import get_state

        arrays, state = get_state(algorithm)
        facts = {"algorithm": state, "best": self.best.to_json()}
        facts.update({name: getattr(self, name) for name in ("rows", "episodes", "evaluations")})
        self.saved = checkpoint.save(
            self.folder, algorithm.iteration, self.best.weights, (arrays, facts), **self._manifest
        )
        name_latest(self.folder)


def _statistics(algorithm, result):
    learned = result["info"]["learner"].get("default_policy")
    errors = np.abs(learned["td_error"] if learned else np.nan)  # of the last update
    return {
        **{name: result[name] for name in STATISTICS},
        "mean_q": float(learned["learner_stats"]["mean_q"]) if learned else np.nan,
        "loss": float(np.where(errors < 1, errors**2 / 2, errors - 0.5).mean()),  # Huber's
        "epsilon": algorithm.get_policy().exploration.epsilon(result["timesteps_total"]),
        "time_total_s": result["time_total_s"],
    }
