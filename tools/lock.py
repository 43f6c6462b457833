"""Resolve pyproject.toml into requirements/{runtime,dev,bench}.txt: what `make lock` runs.

Usage: python tools/lock.py [--upgrade]

Without --upgrade, versions already locked stay unless pyproject.toml forbids them. The locks serve every platform
and every supported Python, and hold digests but no addresses. The resolver is uv, in a throw-away environment.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from check_files import ROOT, lock_problems

RESOLVER = "uv==0.13.8"
# Each lock holds what the one before pins, so that any of them can be installed over another.
LOCKS = {
    "runtime": [],
    "dev": ["--extra", "dev", "--constraints", "requirements/runtime.txt"],
    "bench": ["--extra", "bench", "--constraints", "requirements/dev.txt"],
}
HEADER = """\
# {title}. Made from pyproject.toml by `make lock`; not edited by hand.
"""
TITLES = {
    "runtime": "What Stretto needs to run",
    "dev": "What work on Stretto needs, with what it needs to run",
    "bench": "What the benchmarks need, with what Stretto needs to run",
}


def main(arguments: list[str]) -> int:
    """Make the locks anew, one after the other, and check that they hold no address."""
    with tempfile.TemporaryDirectory(prefix="stretto-lock-") as folder:
        print(f"lock: fetching {RESOLVER}", flush=True)
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", RESOLVER], check=True)
        for lock, options in LOCKS.items():
            print(f"lock: requirements/{lock}.txt", flush=True)
            write_lock(Path(folder) / "bin" / "uv", lock, [*options, *arguments])
    problems = [problem for lock in LOCKS for problem in lock_problems(ROOT / "requirements" / f"{lock}.txt")]
    for problem in problems:
        print(problem, file=sys.stderr)
    print("lock: failed" if problems else "lock: done; commit requirements/ with pyproject.toml")
    return 1 if problems else 0


def write_lock(uv: Path, lock: str, options: list[str]) -> None:
    """Resolve one lock and put its header in front."""
    path = ROOT / "requirements" / f"{lock}.txt"
    settings = ["--quiet", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-header"]
    command = [uv, "pip", "compile", *settings, "pyproject.toml", *options, "--output-file", path.relative_to(ROOT)]
    subprocess.run(command, cwd=ROOT, check=True)
    path.write_text(HEADER.format(title=TITLES[lock]) + path.read_text())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
