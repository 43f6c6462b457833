"""Runs inside the sandbox process: takes away its rights, then runs the code and its tests.

Started by `python_test` as a script, with the path of `job.json`; needs nothing but Python itself.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import traceback
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

NOBODY = 65534


def main() -> None:
    """Run the job in this folder; exit with the job's own status when all of it passed, 1 when not."""
    folder = Path.cwd()
    with Path(sys.argv[1]).open(encoding="utf-8") as file:
        job: dict[str, Any] = json.load(file)
    sources = {name: (folder / name).read_text(encoding="utf-8") for name in ("code.py", "tests.py")}
    give_up_rights(folder)
    set_limits(job)
    leave_when_spent(job["time_spent"])
    sys.argv = ["code.py"]
    sys.path.insert(0, str(folder))
    passed = run_job(sources, has_tests=job["has_tests"])
    sys.stdout.flush()
    sys.exit(job["all_passed"] if passed else 1)


def give_up_rights(folder: Path) -> None:
    """Become nobody, if this is root and nobody can read Python."""
    if os.geteuid() != 0 or not all(is_open_to_all(Path(entry)) for entry in sys.path if Path(entry).exists()):
        return
    try:
        for path in (folder, *folder.iterdir()):
            os.chown(path, NOBODY, NOBODY)
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    except PermissionError:
        pass  # a user namespace that knows no nobody: there, root has no rights to give up


def is_open_to_all(path: Path) -> bool:
    """Whether any user may read what is in this folder."""
    return all(part.stat().st_mode & 0o001 for part in (path, *path.parents))


def set_limits(job: dict[str, Any]) -> None:
    """Bound what this process and its children may use."""
    limits = {
        resource.RLIMIT_CPU: (job["cpu_s"], job["cpu_s"] + 1),
        resource.RLIMIT_FSIZE: (job["file_bytes"],) * 2,
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_NOFILE: (128, 128),
        resource.RLIMIT_NPROC: (count_threads() + job["processes"],) * 2,
        resource.RLIMIT_AS: (job["memory_bytes"],) * 2,
    }
    for kind, (soft, hard) in limits.items():
        most = resource.getrlimit(kind)[1]
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        try:
            resource.setrlimit(kind, (soft, hard))
        except (OSError, ValueError):
            continue  # macOS refuses some; the others hold


def leave_when_spent(status: int) -> None:
    """Exit with this status when the processor time is used up; the first process of a namespace ignores the signal."""
    signal.signal(signal.SIGXCPU, lambda *_: os._exit(status))


def count_threads() -> int:
    """The threads of this user now: the limit on processes counts all of them."""
    me = os.geteuid()
    count = 0
    try:
        for entry in os.scandir("/proc"):
            if entry.name.isdigit() and entry.stat().st_uid == me:
                count += sum(1 for _ in Path(entry.path, "task").iterdir())
    except OSError:
        return count or 256
    return count


def run_job(sources: dict[str, str], *, has_tests: bool) -> bool:
    """Run the code and its tests in one module; print what goes wrong."""
    # With tests, `if __name__ == "__main__"` stays out of the way.
    module = ModuleType("code_under_test" if has_tests else "__main__")
    sys.modules[module.__name__] = module
    if not run_source(sources["code.py"], "code.py", module):
        return False
    if not has_tests:
        return True
    if not run_source(sources["tests.py"], "tests.py", module):
        return False
    return run_functions(module)


def run_source(source: str, name: str, module: ModuleType) -> bool:
    """Execute a file's source; leaving by `sys.exit()` counts as its end, by `sys.exit(1)` as failure."""
    module.__dict__["__file__"] = name
    try:
        exec(compile(source, name, "exec", dont_inherit=True), module.__dict__)  # noqa: S102  (what it is for)
    except SystemExit as leave:
        if leave.code not in (None, 0):
            sys.stderr.write(f"{name} left with exit status {leave.code}\n")
        return leave.code in (None, 0)
    except BaseException as error:
        show(error)
        return False
    return True


def run_functions(module: ModuleType) -> bool:
    """Call the test functions in the order written; print the traceback of each that fails."""
    passed = True
    for name, function in list(module.__dict__.items()):
        if not name.startswith("test_") or not callable(function):
            continue
        try:
            function()
        except BaseException as error:
            sys.stderr.write(f"{name} failed:\n")
            show(error)
            passed = False
    return passed


def show(error: BaseException) -> None:
    """Print the traceback without this file's own frames."""
    tb: TracebackType | None = error.__traceback__
    while tb is not None and tb.tb_frame.f_code.co_filename == __file__:
        tb = tb.tb_next
    traceback.print_exception(type(error), error, tb)


if __name__ == "__main__":
    main()
