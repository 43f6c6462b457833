"""Check the sizes and names of files, that the locks say what to install and never where from, and that applications import only
public names."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES = 800
SOURCE = {".css", ".html", ".js", ".jsx", ".mjs", ".py", ".pyi", ".rs", ".sh", ".sql", ".ts", ".tsx"}
# A file is named for what it holds.
# Modules that are public although they are no package.
PUBLIC_MODULES = {"stretto.errors", "stretto.settings"}
EMPTY_NAMES = {"base", "common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
ADDRESS = re.compile(r"://|--(?:extra-)?index|--find-links|--trusted-host|\bfile:|\s@\s|(?:^|\s)/\w")


def main() -> int:
    """Print every problem and give the exit code."""
    files = tracked_files()
    problems = [
        problem for file in files for problem in (*size_problems(file), *name_problems(file), *import_problems(file))
    ]
    problems += [problem for lock in sorted((ROOT / "requirements").glob("*.txt")) for problem in lock_problems(lock)]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(files)} files, {len(problems)} problems")
    return 1 if problems else 0


def tracked_files() -> list[Path]:
    """The files of the project: what git knows or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [path for name in sorted(set(listing.split("\0"))) if name and (path := ROOT / name).is_file()]


def size_problems(file: Path) -> list[str]:
    """Say when a source or test file is too long to be read in one sitting."""
    if file.suffix not in SOURCE:
        return []
    with file.open("rb") as content:
        lines = sum(1 for _ in content)
    if lines <= MOST_LINES:
        return []
    return [f"{file.relative_to(ROOT)}: {lines} lines, and {MOST_LINES} is the most; split it by what it holds"]


def name_problems(file: Path) -> list[str]:
    """Say when a source file, or a folder on the way to it, has a name that says nothing."""
    path = file.relative_to(ROOT)
    if file.suffix not in SOURCE:
        return []
    empty = EMPTY_NAMES.intersection((*path.parts[:-1], path.stem, path.stem.removeprefix("test_")))
    return [f"{path}: {name!r} says nothing; name it for what it holds" for name in sorted(empty)]


def import_problems(file: Path) -> list[str]:
    """Say where an application imports something of Stretto that is not public: a name that no package's `__all__` has."""
    path = file.relative_to(ROOT)
    if path.parts[0] != "apps" or file.suffix != ".py" or "src" not in path.parts:
        return []
    problems: list[str] = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found = [each.name for each in node.names if each.name.startswith("stretto.")]
            problems += [f"{path}:{node.lineno}: import {name}; write `from {name} import …`" for name in found]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "stretto" and not node.level:
            module = str(node.module)
            hidden = [each.name for each in node.names if each.name not in public_names(module)]
            if module not in PUBLIC_MODULES and hidden:
                problems.append(
                    f"{path}:{node.lineno}: {', '.join(hidden)} of {module}: not in the `__all__` of a package"
                )
    return problems


@cache
def public_names(module: str) -> frozenset[str]:
    """What the `__all__` of a package has; nothing for a module that is none."""
    file = ROOT.joinpath("src", *module.split("."), "__init__.py")
    for node in ast.parse(file.read_text()).body if file.is_file() else ():
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return frozenset(ast.literal_eval(node.value))
    return frozenset()


def lock_problems(lock: Path) -> list[str]:
    """Say where a lock holds an address, an index or a path of some machine."""
    lines = enumerate(lock.read_text().splitlines(), start=1)
    return [
        f"{lock.relative_to(ROOT)}:{n}: a lock holds no address or path: {line}"
        for n, line in lines
        if ADDRESS.search(line)
    ]


if __name__ == "__main__":
    sys.exit(main())
