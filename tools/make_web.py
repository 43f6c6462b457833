"""Build the dashboard of `web/` into the package: what `make setup` runs, with nothing but the standard library and Node.

Usage: python3 tools/make_web.py [--packages]   (--packages: install what `web/` needs, and build nothing)

Nothing happens when nothing has changed: the packages are stamped with their lock, the build with its sources.
"""

import argparse
import fcntl
import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
BUILT = ROOT / "src" / "stretto" / "api" / "dashboard"
OLDEST_NODE = (20, 19)
SOURCES = ("src", "public", "index.html", "package-lock.json", "package.json", "vite.config.ts", "tsconfig.json")


def main(arguments: list[str]) -> int:
    """Check Node, then bring the packages and the build to the state of the sources."""
    parser = argparse.ArgumentParser(description="Build the dashboard.")
    parser.add_argument("--packages", action="store_true", help="install the packages only")
    asked = parser.parse_args(arguments)
    with (WEB / "package.json").open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # two `make` at once take turns
        return bring_up_to_date(build=not asked.packages)


def bring_up_to_date(*, build: bool) -> int:
    """Install and build what the stamps do not vouch for."""
    began = time.monotonic()
    packages = digest([WEB / "package-lock.json", WEB / "package.json"])
    stale = not stamped(WEB / "node_modules" / ".stretto", packages)
    sources = digest(WEB / name for name in SOURCES)
    unbuilt = build and not stamped(BUILT / ".stretto", sources)
    if not stale and not unbuilt:
        say("the dashboard is up to date")
        return 0
    if problem := node_problem():
        return fail(problem)
    if stale:
        say("the packages of web/package-lock.json")
        if not run("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"):
            return fail(
                "The packages did not install; the message of npm is above. Check the network, then run make setup again."
            )
        (WEB / "node_modules" / ".stretto").write_text(packages)
    if unbuilt:
        say("the dashboard, from web/")
        if not run("npm", "run", "--silent", "build", "--", "--logLevel", "warn"):
            return fail("The dashboard did not build; the message of vite is above.")
        (BUILT / ".stretto").write_text(sources)
    say(f"the dashboard is ready in {time.monotonic() - began:.0f} s")
    return 0


def node_problem() -> str:
    """Why there is no building here; empty when there is."""
    wanted = ".".join(str(part) for part in OLDEST_NODE)
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return f"The dashboard is built with Node {wanted} or newer and its npm, and they are not on PATH. Install them (nodejs.org), then run make setup again."
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    found = tuple(int(part) for part in version.removeprefix("v").split(".")[:2] if part.isdigit())
    if found < OLDEST_NODE:
        return f"The dashboard is built with Node {wanted} or newer, and {node} is {version}. Install a newer one, then run make setup again."
    return ""


def digest(paths: Iterable[Path]) -> str:
    """One digest of files, and of all files in folders."""
    found = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and not file.name.endswith(".d.ts"):  # types are no part of what is built
                found.update(f"{file.relative_to(WEB)}\0".encode())
                found.update(file.read_bytes())
    return found.hexdigest()


def stamped(stamp: Path, wanted: str) -> bool:
    """Whether a stamp says so."""
    return stamp.is_file() and stamp.read_text() == wanted


def run(*command: str) -> bool:
    """Run a command of `web/`."""
    return subprocess.run(command, cwd=WEB, check=False).returncode == 0


def say(line: str) -> None:
    """Print a line of progress at once."""
    print(f"setup: {line}", flush=True)


def fail(line: str) -> int:
    """Print what went wrong and give the exit code for it."""
    print(f"setup failed: {line}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
