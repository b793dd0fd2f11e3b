"""What a training has reached so far, and its files in the run's folder."""

import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

import numpy as np

from starter import Problem
from starter.evaluation import Best, Evaluation
from starter.files import write_csv, writing
from starter.storage import checkpoint, settings
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
CURVES = ("episode_reward_mean", "episode_len_mean", "epsilon", "loss", "mean_q")  # TensorBoard's


@contextmanager
def open_run(
    output: Union[str, Path], algorithm, environment, seed: int, folder=None, **flags: Any
) -> Iterator["Run"]:
    """Provide a `Run` in a new folder below `output`, or in `folder`.

    A new one is named after the environment, the seed, the settings that differ from the shipped
    ones, and the date. Raise a `Problem` if the folder cannot be written to, and at the end if
    the newest files could not be written.
    """
    changed = settings.differences(settings.from_config(algorithm.config))
    with opened(output, f"{environment}-seed{seed} {changed}".strip(), folder) as folder:
        run = Run(folder, **environment.manifest, seed=seed, flags=flags)
        yield run
        if run.unsaved:
            raise run.unsaved


class Run:
    """The statistics of each iteration, the evaluations, and the best policy so far.

    `about` is the environment, the seed and the flags, for settings.json and the checkpoints.
    """

    def __init__(self, folder: Path, **about: Any):
        self.folder = folder
        self.rows: List[Dict[str, float]] = []  # one per iteration, as in statistics.csv
        self.episodes: List[Tuple[int, float, int]] = []  # iteration, return, length in timesteps
        self.evaluations: Dict[int, np.ndarray] = {}  # returns of the episodes, by iteration
        self.best = Best()
        self.saved: Optional[Path] = None  # the newest checkpoint
        self.unsaved: Optional[Problem] = None  # why the newest files could not be written
        self._about = about
        self._warned = False
        self._log = None

    def record(self, algorithm, result: Dict[str, Any], evaluation: Optional[Evaluation]) -> None:
        """Keep what an iteration has reached, and write it to the folder.

        What cannot be written is only a warning, and `unsaved`: training is worth more. `result`
        is RLlib's; the evaluation is of its policy, if there was one.
        """
        iteration = result["training_iteration"]
        if evaluation:
            self.evaluations[iteration] = evaluation.returns
        self.rows.append(_statistics(algorithm, result))
        histories = result["hist_stats"]  # of the last 100 episodes, or of all new ones if more
        recent = list(zip(histories["episode_reward"], histories["episode_lengths"]))
        for episode_return, length in recent[len(recent) - result["episodes_this_iter"] :]:
            self.episodes.append((iteration, float(episode_return), int(length)))
        self.unsaved = None
        self._try(settings.write, self.folder, algorithm.config, **self._about)
        self._try(self._save_tables)
        self._try(self._save_checkpoint, algorithm)
        self._try(self._add_points)

    def _try(self, write, *args, **kwargs):
        try:
            write(*args, **kwargs)
        except Problem as problem:
            if not self._warned:
                print(f"warning: {problem}; training continues", file=sys.stderr)
            self._warned, self.unsaved = True, problem

    def finish(self, **evaluations: np.ndarray) -> None:
        """Add the evaluations after training to evaluations.csv: their returns, by name."""
        self._try(self._save_tables, **evaluations)

    def resume(self, algorithm, found: checkpoint.Checkpoint) -> None:
        """Load a checkpoint of this run into a newly built algorithm and this new `Run`.

        Raise a `Problem` if it holds no training, or what `algorithm` cannot take.
        """
        from starter.storage.training_state import set_state

        now, before = settings.from_config(algorithm.config), settings.read(self.folder)
        before = before.get("algorithm", now)
        if now != before:
            changed, old = settings.differences(now, before), settings.differences(before, now)
            print(f"resuming with other settings than before: {changed}; before: {old}")
        arrays, facts = found.training()
        set_state(algorithm, arrays, facts["algorithm"])
        best = facts["best"]
        self.best = Best(best["iteration"], tuple(best["rank"]), found.weights)
        self.saved = found.path
        self.rows, self.episodes = facts["rows"], facts["episodes"]
        self.evaluations = {int(n): np.array(r) for n, r in facts["evaluations"].items()}

    def _save_tables(self, **more):
        write_csv(self.folder / "statistics.csv", self.rows[0], [r.values() for r in self.rows])
        write_csv(self.folder / "episodes.csv", ["iteration", "return", "length"], self.episodes)
        flown = {**self.evaluations, **more}.items()
        rows = [[name, n, float(r)] for name, returns in flown for n, r in enumerate(returns, 1)]
        write_csv(self.folder / "evaluations.csv", ["iteration", "episode", "return"], rows)

    def _save_checkpoint(self, algorithm):
        from starter.storage.training_state import get_state

        arrays, state = get_state(algorithm)
        best = {"iteration": self.best.iteration, "rank": self.best.rank}
        facts = {"algorithm": state, "best": best}
        facts.update({name: getattr(self, name) for name in ("rows", "episodes", "evaluations")})
        self.saved = checkpoint.save(
            self.folder, algorithm.iteration, self.best.weights, (arrays, facts), **self._about
        )
        name_latest(self.folder)

    def _add_points(self):
        """Add an iteration to the log that `make tensorboard` shows."""
        # Not SummaryWriter, whose thread would wait forever when the disk is full.
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary

        # Beside the runs' folders: inside, `latest` would show up as another run.
        folder, row = self.folder.parent / "tensorboard" / self.folder.name, self.rows[-1]
        # The page shows what is before the slash as one group.
        points = [Summary.Value(tag=f"training/{n}", simple_value=row[n]) for n in CURVES]
        summary, step = Summary(value=points), row["timesteps_total"]
        with writing(folder):
            if not self._log:
                folder.mkdir(parents=True, exist_ok=True)
                self._log = EventsWriter(str(folder / "events"))
            self._log.write_event(Event(wall_time=time.time(), step=step, summary=summary))
            self._log.flush()


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
