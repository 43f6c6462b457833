"""Runs inside the sandbox process: takes away its rights, then runs the code and its tests.

Started by `python_test` as a script, with the path of `job.json`; needs nothing but Python itself.
"""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
import traceback
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

NOBODY = 65534

# Landlock (man 7 landlock): the rights that its versions know, as (version, bits).
_FILE_RIGHTS = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14))
_READ_DIRS, _EXECUTE, _WRITE_FILE, _READ_FILE, _TRUNCATE = 1 << 3, 1 << 0, 1 << 1, 1 << 2, 1 << 14
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_NO_NEW_PRIVILEGES = 38
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/sys/devices/system/cpu")
_SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/localtime", "/etc/passwd", "/etc/group", "/dev/zero", "/dev/urandom", "/dev/random")  # fmt: skip


def main() -> None:
    """Run the job in this folder; exit with the job's own status when all of it passed, 1 when not."""
    stand_aside()
    folder = Path.cwd()
    with Path(sys.argv[1]).open(encoding="utf-8") as file:
        job: dict[str, Any] = json.load(file)
    sources = {name: (folder / name).read_text(encoding="utf-8") for name in ("code.py", "tests.py")}
    give_up_rights(folder)
    set_limits(job)  # before: it counts what is in /proc
    close_off(folder)
    sys.argv = ["code.py"]
    sys.path.insert(0, str(folder))
    passed = run_job(sources, has_tests=job["has_tests"])
    sys.stdout.flush()
    sys.exit(job["all_passed"] if passed else 1)


def stand_aside() -> None:
    """Let a child do the work if this is the first process of a namespace, which ignores signals."""
    if os.getpid() != 1 or (child := os.fork()) == 0:
        return
    while True:
        ended, status = os.wait()
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def give_up_rights(folder: Path) -> None:
    """Become nobody, if this is root and nobody can read Python and reach the folder."""
    needed = [path for path in (folder, *map(Path, sys.path)) if path.exists()]
    if os.geteuid() != 0 or not all(map(is_open_to_all, needed)):
        return
    try:
        for path in (folder, *folder.iterdir()):
            os.chown(path, NOBODY, NOBODY)
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    except PermissionError:
        pass  # a user namespace that knows no nobody: there, root has no rights to give up


def close_off(folder: Path) -> bool:
    """Let this process see no files but Python's, the system's and this folder's, and open no TCP connection.

    With Landlock, which holds for root as well; gives False where the kernel does not have it.
    """
    if sys.platform != "linux":
        return False
    try:
        import ctypes  # noqa: PLC0415  (some builds of Python lack it)
    except ImportError:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    rights = sum(bits for since, bits in _FILE_RIGHTS if version >= since)
    # Files; TCP: bind and connect; sockets and signals of other processes.
    handled = struct.pack("QQQ", rights, 3, 3)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = libc.syscall(_CREATE_RULESET, handled, ctypes.c_size_t(len(handled)), 0)
    if ruleset < 0:
        return False
    read = _READ_FILE | _READ_DIRS | _EXECUTE
    python = {entry for entry in (*sys.path, sys.prefix, sys.base_prefix) if entry}
    allowed = dict.fromkeys((*python, *_SYSTEM), read)
    allowed |= dict.fromkeys(_SYSTEM_FILES, _READ_FILE)
    allowed |= {str(folder): rights, "/dev/null": (_READ_FILE | _WRITE_FILE | _TRUNCATE) & rights}
    for path, bits in allowed.items():
        if not Path(path).exists():
            continue
        if not Path(path).is_dir():
            bits &= ~_READ_DIRS
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", bits, descriptor)
        libc.syscall(_ADD_RULE, ruleset, 1, rule, 0)
        os.close(descriptor)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    closed = libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return closed


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
