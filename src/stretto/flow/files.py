"""Read a flow's own files: the flow, its prompts, and the flows it runs, all from one folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath

from stretto.documents.file_places import FilePlaces
from stretto.documents.parse import MAX_BYTES
from stretto.documents.plain import Json, is_list, is_mapping
from stretto.documents.problems import Path, Problems, Spot, nearest
from stretto.flow.parse import parse
from stretto.flow.read_flow import is_file_name
from stretto.flow.reading import NAME
from stretto.flow.vocabulary import AGENT_KEYS, FLOW_KEYS

MAX_FLOWS = 100
_ENDINGS = (".yaml", ".yml", ".json")
_UNREAD = "{# the prompt could not be read #}\n"


def read_flow_file(path: FilePath, problems: Problems) -> tuple[dict[str, Json], FilePlaces] | None:
    """A flow's document with its prompts and sub-flows inside; None when the file cannot be read at all."""
    main = _read_one(path, _shown(path), problems)
    if main is None:
        return None
    document, places = main
    flows: dict[str, Json] = {}
    given: Json = document.get("flows")
    if is_mapping(given):
        flows.update(given)
    seen = {str(document.get("flow")), *flows}
    wanted = [name for _, name in sub_flow_steps(document)]
    while wanted and len(flows) < MAX_FLOWS:
        name = wanted.pop(0)
        beside = _beside(path, name)
        if name in seen or beside is None:
            continue
        seen.add(name)
        read = _read_one(beside, _shown(beside), problems)
        if read is None:
            flows[name] = {"flow": name}
            continue
        sub, sub_places = read
        flows[name] = sub
        places.mount(("flows", name), sub_places)
        wanted += [inner for _, inner in sub_flow_steps(sub)]
    if flows:
        document["flows"] = flows
    return document, places


def files_beside(path: FilePath) -> frozenset[str]:
    """The names of the flow files in the same folder."""
    try:
        return frozenset(other.stem for other in path.parent.iterdir() if other.suffix in _ENDINGS)
    except OSError:
        return frozenset()


def _shown(path: FilePath) -> str:
    """The file's name as the person would write it: from where they stand, when it is below."""
    try:
        return str(path.resolve().relative_to(FilePath.cwd()))
    except ValueError:
        return str(path)


def _beside(path: FilePath, name: str) -> FilePath | None:
    if not NAME.fullmatch(name):
        return None
    for ending in _ENDINGS:
        candidate = path.parent / f"{name}{ending}"
        if candidate.is_file():
            return candidate
    return None


def _read_one(path: FilePath, shown: str, problems: Problems) -> tuple[dict[str, Json], FilePlaces] | None:
    try:
        with path.open("rb") as file:
            source = file.read(MAX_BYTES + 1)
    except OSError as error:
        problems.add(
            Spot(shown, 0, 0),
            f"the flow cannot be read: {(error.strerror or str(error)).lower()}.",
            _missing_remedy(path),
        )
        return None
    read = parse(source, shown, problems)
    if read is None:
        return None
    document, places = read
    _put_prompts_in(path.parent, document, places, problems)
    return document, places


def _missing_remedy(path: FilePath) -> str:
    try:
        names = [other.name for other in path.parent.iterdir() if other.suffix in _ENDINGS]
    except OSError:
        return "Check the path."
    close = nearest(path.name, names)
    return f"Did you mean `{close}`?" if close else "Check the path."


def _put_prompts_in(folder: FilePath, document: dict[str, Json], places: FilePlaces, problems: Problems) -> None:
    """Puts the texts of prompt files in place of their names; misspelt keys count as what they were meant to be."""
    for section, agents in document.items():
        if _meant(section, FLOW_KEYS) != "agents" or not is_mapping(agents):
            continue
        read: dict[str, Json] = {}
        for name, agent in agents.items():
            read[name] = agent
            if not is_mapping(agent):
                continue
            changed = read[name] = dict(agent)
            for key, value in agent.items():
                is_prompt = _meant(key, AGENT_KEYS) in ("prompt", "system") and isinstance(value, str) and value.strip()
                if is_prompt and is_file_name(value):
                    changed[key] = _prompt(folder, value, (section, name, key), places, problems)
        document[section] = read


def _meant(key: str, known: tuple[str, ...]) -> str | None:
    return key if key in known else nearest(key, known)


def _prompt(folder: FilePath, name: str, path: Path, places: FilePlaces, problems: Problems) -> str:
    """The text of a prompt file; with a problem noted, a text that reads nothing."""
    file = folder / name
    try:
        inside = file.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError):
        inside = False
    if not inside:
        problems.add(
            places.value(path),
            f"the prompt file `{name[:120]}` lies outside the flow's folder.",
            "Move it beside the flow, or into a folder below.",
        )
        return _UNREAD
    try:
        with file.open("rb") as opened:
            source = opened.read(MAX_BYTES + 1)
    except (OSError, ValueError):
        problems.add(places.value(path), f"there is no prompt file `{name[:120]}`.", _prompt_remedy(folder, file, name))
        return _UNREAD
    shown = _shown(file)
    if len(source) > MAX_BYTES:
        problems.add(Spot(shown, 1, 1), f"the prompt has more than {MAX_BYTES:,} bytes.", "Make it shorter.")
        return _UNREAD
    try:
        text = source.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = source[: error.start].count(b"\n") + 1
        column = error.start - source[: error.start].rfind(b"\n")
        problems.add(
            Spot(shown, line, column),
            f"this is not UTF-8 text (byte 0x{source[error.start]:02x}).",
            "Save the file as UTF-8.",
        )
        return _UNREAD
    if not text.strip():
        problems.add(Spot(shown, 1, 1), "the prompt is empty.", "Write what the model shall do.")
        return _UNREAD
    text = text if "\n" in text or "{{" in text else text + "\n"
    places.text_from(path, shown, text)
    return text


def _prompt_remedy(folder: FilePath, file: FilePath, name: str) -> str:
    if " " in name.strip() and not file.suffix:
        return "To write the prompt here instead of in a file, put it after `|` on lines of its own."
    try:
        names = [str(other.relative_to(folder)) for other in file.parent.iterdir() if other.is_file()]
    except OSError:
        return f"Make the file {_shown(file)}."
    close = nearest(name, names)
    return f"Did you mean `{close}`?" if close else f"Make the file {_shown(file)}."


def sub_flow_steps(document: Mapping[str, Json]) -> Iterator[tuple[Path, str]]:
    """The steps that run another flow: the path of the step, and the flow's name."""
    todo: list[tuple[Path, Json]] = [(("steps",), document.get("steps"))]
    while todo:
        path, steps = todo.pop(0)
        entries: list[tuple[Path, Json]] = []
        if is_mapping(steps):
            entries = [((*path, str(key)), step) for key, step in steps.items()]
        elif is_list(steps):
            entries = [((*path, index), step) for index, step in enumerate(steps)]
        for here, step in entries:
            if not is_mapping(step):
                continue
            name: Json = step.get("flow")
            if isinstance(name, str):
                yield here, name
            if "steps" in step:
                todo.append(((*here, "steps"), step["steps"]))
            cases: Json = step.get("branch")
            if is_list(cases):
                todo += [
                    ((*here, "branch", i, "steps"), case.get("steps"))
                    for i, case in enumerate(cases)
                    if is_mapping(case)
                ]
