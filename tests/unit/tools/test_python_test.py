import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from stretto.flow.compile import compile_document
from stretto.gateway.provider import Message, ModelRequest
from stretto.gateway.simulated.provider import simulate_text
from stretto.testing import FakeContext
from stretto.tools import builtin_tools, tool_handler
from stretto.tools import python_test as module
from stretto.tools.python_test import Limits, TestRun, extract_python, find_unshare, run_tests

QUICK = Limits(wall_s=20.0, cpu_s=5)


def has_landlock() -> bool:
    listed = Path("/sys/kernel/security/lsm")
    if listed.exists():
        return "landlock" in listed.read_text()
    import ctypes  # noqa: PLC0415

    return os.uname().sysname == "Linux" and ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) >= 1


needs_landlock = pytest.mark.skipif(not has_landlock(), reason="this kernel has no Landlock")


async def passed(code: str, tests: str = "", limits: Limits = QUICK) -> TestRun:
    run = await run_tests(code, tests, limits)
    assert run.passed, run.output
    return run


async def failed(code: str, tests: str = "", limits: Limits = QUICK) -> str:
    run = await run_tests(code, tests, limits)
    assert not run.passed, run.output
    return run.output


@pytest.fixture(autouse=True)
def folders_in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """All folders are made under the test's own, and none is left."""
    made = tmp_path / "runs"
    made.mkdir()
    make = module.tempfile.mkdtemp
    monkeypatch.setattr(module.tempfile, "mkdtemp", lambda prefix: make(prefix=prefix, dir=made))  # pyright: ignore[reportUnknownLambdaType]
    yield
    assert list(made.iterdir()) == []


class TestVerdict:
    async def test_code_that_runs_passes(self):
        assert (await passed("print('hello')")).output == "hello"

    async def test_code_that_raises_fails_with_its_traceback_alone(self):
        output = await failed("def f():\n    return 1 / 0\n\nf()")
        assert output.startswith('Traceback (most recent call last):\n  File "code.py", line 4')
        assert "    return 1 / 0" in output
        assert output.endswith("ZeroDivisionError: division by zero")
        assert "sandbox" not in output

    async def test_asserts_are_tests(self):
        await passed("def f(x): return x + 1", "assert f(1) == 2")
        assert "AssertionError" in await failed("def f(x): return x + 1", "assert f(1) == 3")

    async def test_functions_called_test_are_called_and_all_failures_told(self):
        tests = "def test_a(): assert f(1) == 2\ndef test_b(): assert f(1) == 9\ndef test_c(): raise KeyError('c')"
        output = await failed("def f(x): return x + 1", tests)
        assert "test_a" not in output
        assert "test_b failed:" in output
        assert "test_c failed:" in output

    async def test_a_syntax_error_names_the_line(self):
        output = await failed("x = 1\ndef f(:\n")
        assert 'File "code.py", line 2' in output
        assert "SyntaxError" in output

    @pytest.mark.parametrize(
        "leave", ["import os; os._exit(0)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    )
    async def test_leaving_early_is_no_success(self, leave: str):
        assert await failed(leave, "assert True")

    async def test_sys_exit_ends_the_code_and_not_its_tests(self):
        assert "AssertionError" in await failed("import sys; sys.exit(0)", "assert False")
        assert "exit status 3" in await failed("import sys; sys.exit(3)")
        await passed("import sys; sys.exit(0)", "assert True")

    async def test_the_main_part_runs_without_tests_only(self):
        code = "if __name__ == '__main__':\n    print('main')"
        assert (await passed(code)).output == "main"
        assert (await passed(code, "assert True")).output == ""

    async def test_dataclasses_find_their_module(self):
        await passed("from dataclasses import dataclass\n@dataclass\nclass A:\n    x: 'int' = 1", "assert A().x == 1")

    async def test_nothing_to_run_is_no_success(self):
        assert "no Python" in await failed("```bash\nls\n```")
        assert "no Python" in await failed(" \n")


class TestExtraction:
    def test_plain_code_stays(self):
        assert extract_python("x = 1\n") == "x = 1\n"

    def test_python_blocks_are_joined_and_others_left_out(self):
        text = "A:\n```python\nx = 1\n```\nB:\n```json\n{}\n```\n~~~py\ny = x\n~~~\n```\nz = y\n```\nend"
        assert extract_python(text) == "x = 1\n\ny = x\n\nz = y\n"

    def test_a_fence_that_was_never_closed_counts(self):
        assert extract_python("```python\nx = 1\n") == "x = 1\n"

    async def test_simulated_code_passes(self):
        request = ModelRequest(model="code", messages=[Message("user", "A queue with priorities.")])
        await passed(simulate_text(0, request, (100, 200)))


class TestBounds:
    async def test_wall_clock_time(self):
        output = await failed("import time\nprint('a', flush=True)\ntime.sleep(60)", limits=Limits(wall_s=0.5))
        assert output == "a\nStopped after 0.5 s."

    async def test_processor_time(self):
        assert "1 s of processor time" in await failed("while True: pass", limits=Limits(cpu_s=1))

    @pytest.mark.skipif(os.uname().sysname != "Linux", reason="macOS does not bound memory")
    async def test_memory(self):
        assert "MemoryError" in await failed("x = bytearray(2 << 30)")

    async def test_files(self):
        assert "File too large" in await failed(
            "open('x', 'wb').write(bytes(2 << 20))", limits=Limits(file_bytes=1 << 20)
        )

    async def test_output(self):
        run = await run_tests("print('x' * 100_000)", "", Limits(output_chars=1000))
        assert run.passed
        assert len(run.output) < 1100
        assert run.output.endswith("cut off; it printed 100001 bytes.")

    async def test_output_is_text_whatever_was_printed(self):
        run = await passed(r"import sys; sys.stdout.buffer.write(b'a\xff\x00b')")
        assert run.output == "a�b"

    @pytest.mark.skipif(os.geteuid() == 0, reason="root is not bound by the limit on processes")
    async def test_processes(self):
        assert "BlockingIOError" in await failed(
            "import os\nfor _ in range(500):\n    if os.fork() == 0: os.execvp('sleep', ['sleep', '9'])"
        )


class TestIsolation:
    async def test_nothing_of_the_environment_is_inherited(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("STRETTO_SECRET", "x")
        await passed("import os\nassert 'STRETTO_SECRET' not in os.environ\nassert 'PATH' not in os.environ")

    async def test_standard_input_is_empty(self):
        assert "EOFError" in await failed("input()")

    async def test_it_works_in_an_empty_folder_of_its_own(self):
        await passed(
            "import os, pathlib\nassert sorted(os.listdir()) == ['code.py', 'tests.py']\npathlib.Path('a').mkdir()\n"
            "pathlib.Path('a/b').write_text('c')\nimport tempfile\ntempfile.mkdtemp()"
        )

    @needs_landlock
    async def test_files_elsewhere_are_out_of_reach(self, tmp_path: Path):
        secret = tmp_path / "secret"
        secret.write_text("x")
        for attempt in (
            f"open({str(secret)!r}).read()",
            f"open({str(secret)!r}, 'a')",
            f"import os; os.remove({str(secret)!r})",
        ):
            assert "PermissionError" in await failed(attempt)
        assert secret.read_text() == "x"

    @pytest.mark.skipif(not has_landlock() and not find_unshare(), reason="this machine lets the network be")
    async def test_no_connection_can_be_made(self):
        server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            output = await failed(f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)")
        assert "PermissionError" in output or "ConnectionRefusedError" in output or "unreachable" in output

    @pytest.mark.skipif("--pid" not in find_unshare(), reason="this machine allows no process namespaces")
    async def test_no_process_outlives_the_run(self):
        await passed("import subprocess; subprocess.Popen(['setsid', 'sleep', '3217'])")
        await _until_gone("3217")

    async def test_children_end_with_the_run(self):
        await passed("import subprocess; subprocess.Popen(['sleep', '3218'])")
        await _until_gone("3218")

    async def test_cancelling_kills_it_and_cleans_up(self):
        run = asyncio.create_task(run_tests("import subprocess; subprocess.run(['sleep', '3219'])", "", QUICK))
        await _until(lambda: _sleeping("3219"))
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        await _until_gone("3219")


def _sleeping(seconds: str) -> bool:
    return any(process.info["cmdline"] == ["sleep", seconds] for process in psutil.process_iter(["cmdline"]))


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  (another process does not tell)
            await asyncio.sleep(0.01)


async def _until_gone(seconds: str) -> None:
    await _until(lambda: not _sleeping(seconds))


async def test_it_is_a_tool():
    graph = compile_document(
        {"flow": "test", "steps": {"check": {"tool": "python.test", "input": {"code": "print(1)"}}}}
    )
    ctx = FakeContext(graph.root.steps["check"], graph=graph, input={"code": "print(1)"})
    result = await tool_handler(builtin_tools())(ctx)
    assert result.output["passed"] is True
    assert result.output["output"] == "1"
    assert result.output["seconds"] >= 0
