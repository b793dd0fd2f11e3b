"""Small packages on an index in a folder, and commands for small projects of them."""

import hashlib
import subprocess
import zipfile
from pathlib import Path


def wheel(index, name, version="1.0", files=()):
    """Put a small wheel into the index `index`, a folder; return its line in a lock file.

    Args:
        files: the names and contents of its files besides the module `name`.
    """
    stem = f"{name.replace('-', '_')}-{version}"
    page = Path(index, name)
    page.mkdir(parents=True, exist_ok=True)
    path = page / f"{stem}-py3-none-any.whl"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    about = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    contents = {
        f"{name.replace('-', '_')}.py": f"version = '{version}'\n",
        **dict(files),
        f"{stem}.dist-info/METADATA": metadata,
        f"{stem}.dist-info/WHEEL": about,
    }
    record = f"{stem}.dist-info/RECORD"
    contents[record] = "".join(f"{file},,\n" for file in (*contents, record))
    with zipfile.ZipFile(str(path), "w") as archive:
        for file, content in contents.items():
            member = zipfile.ZipInfo(file)
            member.external_attr = 0o100755 << 16  # a program, if it is one
            archive.writestr(member, content)
    (page / "index.html").write_text(
        "".join(f'<a href="{file.name}">{file.name}</a>\n' for file in page.glob("*.whl"))
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{name}=={version} --hash=sha256:{digest}\n"


def start(folder, command, variables):
    """Start a command in `folder` as the leader of a process group, as in a terminal."""
    return subprocess.Popen(
        [str(word) for word in command],
        cwd=str(folder),
        env={name: str(value) for name, value in variables.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )


def run(folder, command, variables):
    """Run a command in `folder`; return a `CompletedProcess` with its output as text."""
    process = start(folder, command, variables)
    stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
