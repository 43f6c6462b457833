"""The check of sizes, names and locks finds what it is there to find, and nothing else."""

from pathlib import Path

import pytest

from tools import check_files


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(check_files, "ROOT", tmp_path)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_source_file_may_have_800_lines_and_no_more(root: Path) -> None:
    longest = write(root / "src" / "a.py", "x = 1\n" * 800)
    too_long = write(root / "tests" / "test_a.py", "x = 1\n" * 801)
    data = write(root / "tests" / "journal.json", "1\n" * 5000)

    assert check_files.size_problems(longest) == []
    assert check_files.size_problems(data) == []
    (problem,) = check_files.size_problems(too_long)
    assert problem.startswith("tests/test_a.py: 801 lines")


@pytest.mark.parametrize(
    "name", ["src/utils.py", "tests/helpers.py", "tests/test_utils.py", "src/common/run.py", "web/src/misc.ts"]
)
def test_a_name_that_says_nothing_is_found(root: Path, name: str) -> None:
    (problem,) = check_files.name_problems(write(root / name, ""))
    assert problem.startswith(name)


@pytest.mark.parametrize("name", ["src/database.py", "src/flow/decide.py", "docs/common.md", "tests/test_baseline.py"])
def test_other_names_pass(root: Path, name: str) -> None:
    assert check_files.name_problems(write(root / name, "")) == []


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://packages.example/simple",
        "-i simple --extra-index x",
        "--find-links wheels",
        "--trusted-host packages.example",
        "thing @ git+ssh",
        "thing==1  # from http://packages.example",
        "-e file:thing",
        "/srv/thing-1-py3-none-any.whl",
    ],
)
def test_a_lock_with_an_address_or_a_path_is_found(root: Path, line: str) -> None:
    lock = write(root / "requirements" / "dev.txt", f"ok==1\n{line}\n")
    (problem,) = check_files.lock_problems(lock)
    assert problem.startswith("requirements/dev.txt:2:")


def test_a_lock_of_pins_and_digests_passes(root: Path) -> None:
    text = "# Made by `make lock`.\nok[pool]==1.2 ; sys_platform != 'win32' \\\n    --hash=sha256:00ff\n    # via -c requirements/a.txt\n"
    assert check_files.lock_problems(write(root / "requirements" / "dev.txt", text)) == []


def test_an_application_imports_only_public_names(root: Path) -> None:
    write(root / "src" / "stretto" / "room" / "__init__.py", '__all__ = ["Open"]\n')
    write(root / "src" / "stretto" / "room" / "inner.py", "Open = Hidden = 1\n")
    check_files.public_names.cache_clear()
    bad = "from stretto.room import Hidden, Open\nfrom stretto.room.inner import Open\nimport stretto.room\n"
    good = "from stretto.room import Open\nfrom stretto.errors import Invalid\nimport strettoish\nfrom .room import Hidden\n"
    problems = check_files.import_problems(write(root / "apps" / "a" / "src" / "a" / "bad.py", bad))
    assert [problem.partition(": ")[0] for problem in problems] == [f"apps/a/src/a/bad.py:{line}" for line in (1, 2, 3)]
    assert check_files.import_problems(write(root / "apps" / "a" / "src" / "a" / "good.py", good)) == []
    assert check_files.import_problems(write(root / "src" / "stretto" / "other.py", bad)) == []
    check_files.public_names.cache_clear()
