"""Install locks into the environment whose Python runs this, in a few lines of output.

    .venv/bin/python -m scripts.install "850 MB, two minutes" locks/build.txt requirements.txt
    python3 -m scripts.install --check requirements.txt    # only: can pip install it?

What pip says goes to a log in .setup/. If pip fails, one line has the reason and names the log.
"""

import configparser
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from scripts import pip_settings

FOLDER = Path(__file__).resolve().parent.parent / ".setup"
# One core takes as long to compile this as another takes to install the rest: do both at once.
COMPILED = "box2d-py"
SECONDS = 10  # between two lines of progress where there is no terminal
# What pip says once about each package: its file with the size, or that it is here already.
FETCHED = re.compile(
    r"^ *(?:Downloading|Using cached|Processing) (?:\S*/)?(\S+\.(?:whl|tar\.gz)(?: \(.*\))?)$"
    r"|^Requirement already satisfied: .*",
    re.M,
)


def requirements(lock):
    """What a lock file pins, with the lines of each: `{name: text}`.

    Raises:
        SystemExit: with one line, if it holds anything else than pins with hashes.
    """
    found = {}
    text = Path(lock).read_text("utf-8")
    for match in re.finditer(r"^[^\s#].*(?:\n[ \t]+.*)*\n?", text, re.M):
        pin = re.match(r"([\w.-]+)==", match.group())
        if not pin or "--hash=sha256:" not in match.group():
            line = text.count("\n", 0, match.start()) + 1
            sys.exit(
                f"error: {lock}, line {line} is no pin with a hash: {match.group().split()[0]}; "
                f"`git checkout {lock}` restores it"
            )
        found[pin.group(1)] = match.group()
    if not found:
        sys.exit(f"error: {lock} pins nothing; `git checkout {lock}` restores it")
    return found


def reason(said):
    """The line of pip's output that most likely says why it failed."""
    lines = [" ".join(line.split()) for line in said.splitlines() if line.strip()]
    errors = [number for number, line in enumerate(lines) if re.match("(?i)error: ", line)]
    if not errors:
        return lines[-1] if lines else "no output"
    last = lines[errors[-1]]
    if "MATCH THE HASHES" in last:  # the next line names the package
        return f"{last.split('. ')[0]}: {lines[errors[-1] + 1].rstrip(':')}"
    if "No matching distribution" in last:
        broken = re.findall(r"connection broken by .*", said)  # no index answered
        return re.sub(r"<[^>]*>: ", "", broken[-1]) if broken else last
    if re.search("build|subprocess|metadata", last):
        for line in lines:  # the compiler's, or the build's
            if re.search(
                r"fatal error: |: error: |^error: (?!subprocess|meta)|failed: \[Errno", line
            ):
                return line
        ends = [number for number, line in enumerate(lines) if line == "[end of output]"]
        return lines[ends[0] - 1] if ends else last
    return last


def say(text, end="\n"):
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:  # nobody reads it any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Pip:
    """A pip that installs these lines of a lock and writes what it says to a log."""

    def __init__(self, name, lines, *options):
        self.log = FOLDER / f"{name}.log"
        lock = FOLDER / f"{name}.txt"
        lock.write_text("".join(lines), "utf-8")
        environment = pip_settings.environment()
        # box2d-py's build calls swig, which the build lock has put there.
        environment["PATH"] = os.pathsep.join([f"{sys.prefix}/bin", os.environ["PATH"]])
        # --no-compile: pip byte-compiles on one core; main() does on all of them.
        command = [sys.executable, "-m", "pip", "install", "--no-compile", "--require-hashes"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--no-build-isolation", *options, "-r", str(lock)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a group that stop() can end as a whole
            )

    def said(self):
        return self.log.read_text("utf-8", "replace")

    def reason(self):
        status = self.process.returncode
        said = f"signal {-status} ended it" if status < 0 else reason(self.said())
        return re.sub("^(?i:error): ", "", said)

    def stop(self):
        """End it and the compiler that it started, if they have not ended."""
        for number in (signal.SIGINT, signal.SIGKILL):
            if self.process.poll() is None:
                os.killpg(self.process.pid, number)
                try:
                    self.process.wait(5)
                except subprocess.TimeoutExpired:
                    continue


class Progress:
    """How far the pips are: a bar on a terminal, a line every few seconds elsewhere."""

    def __init__(self, names):
        self._names = set(names)
        self._ended = []  # what earlier pips said
        self._start = self._shown = time.monotonic()

    def seconds(self):
        return round(time.monotonic() - self._start)

    def wait(self, pips):
        """Wait until all of them have ended, or one has failed; returns that one or None."""
        failed = None
        try:
            while not failed and any(pip.process.poll() is None for pip in pips):
                self._show("".join([*self._ended, *(pip.said() for pip in reversed(pips))]))
                time.sleep(0.2)
                failed = next((pip for pip in pips if pip.process.poll()), None)
        finally:
            for pip in pips:
                pip.stop()
            if sys.stdout.isatty():
                say("\r\033[K", end="")
        self._ended += [pip.said() for pip in pips]
        return failed

    def _show(self, said):
        files = FETCHED.findall(said)
        wanted = self._names - set(re.findall(r"(?m)^Ignoring ([^:\s]+): markers", said))
        total, missing = len(wanted), wanted - installed()
        fetched = min(len(files), total)
        text = f"{self.seconds()} s: {fetched} of {total} packages fetched"
        if fetched < total:
            text += f", {files[-1]}" if files and files[-1] else ""
        elif missing == {COMPILED}:
            text += f", {COMPILED} is being compiled"
        else:
            text += f", {total - len(missing)} installed"
        if sys.stdout.isatty():
            bar = "#" * round(10 * (fetched + total - len(missing)) / total)
            text = f"[{bar:<20}] {text}"[: shutil.get_terminal_size().columns - 1]
            say(f"\r\033[K{text}", end="")
        elif time.monotonic() - self._shown >= SECONDS:
            self._shown = time.monotonic()
            say(text)


def installed():
    """The names of the packages that are here, as a lock writes them."""
    folders = Path(sysconfig.get_paths()["purelib"]).glob("*.dist-info")
    return {re.sub(r"[-_.]+", "-", path.name.split("-")[0]).lower() for path in folders}


def install(estimate, *locks):
    """Install these locks, one after the other; `estimate` says what it takes.

    Raises:
        SystemExit: with one line, if a pip fails.
    """
    pins = {lock: requirements(lock) for lock in locks}
    names = set().union(*pins.values())
    python = f"Python {platform.python_version()} ({sys.base_prefix})"
    say(f"Installing {len(names)} packages for {python}; {estimate}")
    progress = Progress(names)
    for lock, lines in pins.items():
        compiled = lines.pop(COMPILED, None)
        pips = [Pip(Path(lock).stem, lines.values())]
        if compiled:
            pips.append(Pip(COMPILED, [compiled], "--no-deps"))
        failed = progress.wait(pips)
        if failed:
            log = failed.log.relative_to(FOLDER.parent)
            sys.exit(f"error: pip failed: {failed.reason()}; all that it said is in {log}")
    say(f"{progress.seconds()} s: compiling them to bytecode")
    # Quietly: old packages cause warnings, and a file or two is for Python 2.
    command = [sys.executable, "-m", "compileall", "-qq", "-j", "0", sys.prefix]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    say(f"Installed in {progress.seconds()} s")


def main(*arguments):
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, signal.default_int_handler)
    try:
        if arguments[0] == "--check":
            for lock in arguments[1:]:
                requirements(lock)
        else:
            install(*arguments)
    except (OSError, configparser.Error) as error:
        sys.exit(f"error: {' '.join(str(error).split())}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main(*sys.argv[1:])
