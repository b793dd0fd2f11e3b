"""A run's folder under runs/, and checkpoints in it that are whole or absent."""

import csv
import hashlib
import json
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from starter import Problem

FORMAT = "rllib-dqn-starter 1"
MANIFEST = "manifest.json"
POLICY = "policies/default_policy"  # where RLlib keeps it in a checkpoint
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
RESERVE = ".reserve"
RESERVE_BYTES = 8 * 2**20  # a checkpoint and a GIF take less


@contextmanager
def new(output, name):
    """Give a folder of its own, `output/name-DATE-TIME`; remove it if it stays empty.

    Until the first checkpoint is saved it holds some MB in reserve: a disk that
    fills up during training does not cost what was learned.

    Raises:
        Problem: if it cannot be written to, or its disk is full.
    """
    stem = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    with _writing(output):
        Path(output).mkdir(parents=True, exist_ok=True)
        for number in count(1):  # two runs may begin in the same second
            folder = Path(output, stem if number == 1 else f"{stem}-{number}")
            try:
                folder.mkdir()
                break
            except FileExistsError:
                continue
    try:
        with _writing(folder):
            (folder / RESERVE).write_bytes(bytes(RESERVE_BYTES))
        yield folder
    finally:
        _release_reserve(folder)
        if not any(folder.iterdir()):
            folder.rmdir()


def save(algorithm, folder, **facts):
    """Write RLlib's checkpoint of `algorithm` into `folder`, with a manifest.

    It is written under another name, then renamed: whole or not at all.

    Args:
        facts: what the manifest says of it, beside the SHA-256 of every file.

    Returns:
        The path `folder/checkpoint_NNNNNN`, NNNNNN being the iteration.

    Raises:
        Problem: if it could not be written; nothing of it is left then.
    """
    with _writing(folder):
        _release_reserve(folder)
        scratch = Path(tempfile.mkdtemp(prefix=".saving-", dir=folder))
        try:
            made = Path(algorithm.save(str(scratch)))
            files = sorted(path for path in made.rglob("*") if path.is_file())
            digests = {path.relative_to(made).as_posix(): _sha256(path) for path in files}
            manifest = {"format": FORMAT, **facts, "files": digests}
            (made / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
            return made.rename(Path(folder, made.name))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def save_statistics(folder, results, evaluations):
    """Write what was measured, every figure in full, as two CSV files.

    Args:
        results: RLlib's result of each iteration; a row each in `statistics.csv`.
        evaluations: the returns of each evaluation's episodes, by its name; a row for
            each episode in `evaluations.csv`.

    Raises:
        Problem: if one could not be written; the file is absent then.
    """
    rows = [
        [result[name] for name in STATISTICS] + [_mean_q(result), result["time_total_s"]]
        for result in results
    ]
    _write_csv(Path(folder, "statistics.csv"), [*STATISTICS, "mean_q", "time_total_s"], rows)
    rows = [
        [name, episode, float(episode_return)]
        for name, returns in evaluations.items()
        for episode, episode_return in enumerate(returns, start=1)
    ]
    _write_csv(Path(folder, "evaluations.csv"), ["iteration", "episode", "return"], rows)


def _mean_q(result):
    """The network's mean estimate of a return in the iteration's last update, as it is scaled."""
    learner = result["info"]["learner"].get("default_policy")
    return float(learner["learner_stats"]["mean_q"]) if learner else float("nan")


def _write_csv(path, heading, rows):
    with replacing(path) as scratch, scratch.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([heading, *rows])


def digest(policy):
    """SHA-256 over the policy's weights, variable by variable in the order of their names."""
    hashed = hashlib.sha256()
    for name, values in sorted(policy.get_weights().items()):
        hashed.update(f"{name} {values.dtype} {values.shape}".encode())
        hashed.update(values.tobytes())
    return hashed.hexdigest()


def load_policy(checkpoint, environment):
    """Read the policy out of a checkpoint that `save` made, for the named environment.

    A checkpoint is a pickle, which can run any code, so everything is compared
    with the manifest first. Load only checkpoints that you made yourself, even so.

    Raises:
        Problem: if it is missing, another program's, another environment's or damaged.
    """
    checkpoint = Path(checkpoint)
    mend = "give a folder that training printed after 'saved'"
    if not checkpoint.is_dir():
        raise Problem(f"there is no folder {checkpoint}; {mend}")
    try:
        manifest = json.loads((checkpoint / MANIFEST).read_text("utf-8"))
        digests = dict(manifest["files"])
        ours = manifest["format"] == FORMAT
    except (OSError, ValueError, KeyError, TypeError):
        ours = False
    if not ours:
        raise Problem(f"{checkpoint} is not a checkpoint of this project; {mend}")
    if manifest.get("environment") != environment:
        raise Problem(f"{checkpoint} learned {manifest.get('environment')}, not {environment}")
    for name, digest in digests.items():
        try:
            intact = _sha256(checkpoint / name) == digest
        except OSError:
            intact = False
        if not intact:
            raise Problem(f"{checkpoint} is damaged: {name} is cut short or changed; {mend}")

    from ray.rllib.policy.policy import Policy  # takes seconds: after all the checks

    return Policy.from_checkpoint(str(checkpoint / POLICY))


@contextmanager
def replacing(path):
    """Give a temporary path to write to; afterwards it takes the place of `path`.

    Raises:
        Problem: if it could not be written; `path` is as it was before then.
    """
    path = Path(path)
    scratch = path.with_name(f".{os.getpid()}-{path.name}")
    with _writing(path):
        try:
            yield scratch
            scratch.replace(path)
        finally:
            if scratch.exists():
                scratch.unlink()


@contextmanager
def _writing(path):
    try:
        yield
    except OSError as error:
        raise Problem(
            f"cannot write {path}: {error.strerror or error}; "
            "mend that, or choose another folder with --output"
        ) from error


def _release_reserve(folder):
    reserve = Path(folder, RESERVE)
    if reserve.exists():
        reserve.unlink()


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
