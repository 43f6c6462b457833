"""Read a flow's own files: the flow, its prompts, and the flows it runs, all from one folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath

from stretto.documents.file_places import FilePlaces
from stretto.documents.parse import MAX_BYTES
from stretto.documents.plain import Json, is_list, is_mapping
from stretto.documents.problems import Path, Problems, Spot, nearest
from stretto.flow.parse import AGENT, POLICY, parse
from stretto.flow.policies import POLICY_KEYS
from stretto.flow.read_agent import is_agent_file, is_file_name
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
    _put_policies_in(path.parent, document, places, problems)
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
            if is_agent_file(agent):
                read[name] = _agent_file(folder, agent, (section, name), places, problems)
                continue
            read[name] = agent
            if not is_mapping(agent):
                continue
            changed = read[name] = dict(agent)
            for key, value in agent.items():
                is_prompt = _meant(key, AGENT_KEYS) in ("prompt", "system") and isinstance(value, str) and value.strip()
                if is_prompt and is_file_name(value):
                    changed[key] = _prompt(folder, value, (section, name, key), places, problems)
        document[section] = read


def _put_policies_in(folder: FilePath, document: dict[str, Json], places: FilePlaces, problems: Problems) -> None:
    """Puts policies, and the personas in them, in place of the names of their files."""
    for section, policies in document.items():
        if _meant(section, FLOW_KEYS) != "policies" or not is_mapping(policies):
            continue
        read: dict[str, Json] = {}
        for name, policy in policies.items():
            path = (section, name)
            if isinstance(policy, str) and policy.strip():
                policy = _policy_file(folder, policy, path, places, problems)
            read[name] = policy
            if not is_mapping(policy):
                continue
            changed = read[name] = dict(policy)
            for key, value in policy.items():
                is_persona = _meant(key, POLICY_KEYS) == "persona" and isinstance(value, str) and value.strip()
                if is_persona and "\n" not in value:
                    changed[key] = _persona(folder, value, (*path, key), places, problems)
        document[section] = read


def _policy_file(folder: FilePath, name: str, path: Path, places: FilePlaces, problems: Problems) -> Json:
    """The policy in a file; with a problem noted, one that says nothing."""
    read = _text_file(folder, name, path, places, problems, "policy file")
    if read is None:
        return {}
    shown, text = read
    parsed = parse(text.encode(), shown, problems, POLICY)
    if parsed is None:
        return {}
    policy, inside = parsed
    places.mount(path, inside)
    return policy


def _persona(folder: FilePath, name: str, path: Path, places: FilePlaces, problems: Problems) -> str:
    """The text of a persona's file."""
    read = _text_file(folder, name, path, places, problems, "persona file")
    return _UNREAD if read is None else _as_lines(read[1])


def _as_lines(text: str) -> str:
    """With a line break in it, so that a document tells it from a file's name."""
    return text if "\n" in text else f"{text}\n"


def _meant(key: str, known: tuple[str, ...]) -> str | None:
    return key if key in known else nearest(key, known)


def _agent_file(folder: FilePath, name: str, path: Path, places: FilePlaces, problems: Problems) -> Json:
    """The agent of a file: what stands between two lines `---`, and the rest as its prompt."""
    read = _text_file(folder, name, path, places, problems, "agent's file")
    if read is None:
        return {"model": "unread", "prompt": _UNREAD}
    shown, text = read
    lines = text.split("\n")
    end = lines.index("---", 1) if lines[0] == "---" and "---" in lines[1:] else 0
    if not end:
        problems.add(
            Spot(shown, 1, 1),
            "an agent's file begins with its keys between two lines `---`.",
            "Begin it with `---`, `model: fast`, `---`; then comes the prompt.",
        )
        return {"model": "unread", "prompt": _UNREAD}
    # Empty lines before and after keep every line at its number.
    parsed = parse("\n".join(["", *lines[1:end], ""]).encode(), shown, problems, AGENT)
    agent: dict[str, Json] = {"model": "unread"}
    inside = FilePlaces(shown, text)
    if parsed is not None:
        agent, inside = parsed
    if "prompt" in agent:
        problems.add(inside.key(("prompt",)), "the prompt of an agent's file stands below its keys.", "Delete the key.")
    prompt = "\n".join(lines[end + 1 :]).lstrip("\n")
    if not prompt.strip():
        problems.add(Spot(shown, end + 1, 1), "the prompt is empty.", "Write what the model shall do.")
        prompt = _UNREAD
    first = text.count("\n", 0, text.rindex(prompt)) + 1 if prompt != _UNREAD else end + 1
    for key, value in list(agent.items()):
        if _meant(key, AGENT_KEYS) == "system" and isinstance(value, str) and value.strip() and is_file_name(value):
            agent[key] = _prompt(folder, value, (key,), inside, problems)
    agent["prompt"] = _as_text(prompt)
    inside.text_from(("prompt",), shown, prompt, first)
    places.mount(path, inside)
    return agent


def _prompt(folder: FilePath, name: str, path: Path, places: FilePlaces, problems: Problems) -> str:
    """The text of a prompt file; with a problem noted, a text that reads nothing."""
    read = _text_file(folder, name, path, places, problems, "prompt file")
    if read is None:
        return _UNREAD
    shown, text = read
    text = _as_text(text)
    places.text_from(path, shown, text)
    return text


def _as_text(prompt: str) -> str:
    """So that a document tells it from a file's name."""
    return prompt if "\n" in prompt or "{{" in prompt else prompt + "\n"


def _text_file(
    folder: FilePath, name: str, path: Path, places: FilePlaces, problems: Problems, what: str
) -> tuple[str, str] | None:
    """How a file is called, and its text; None with a problem noted."""
    file = folder / name
    try:
        inside = file.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError):
        inside = False
    if not inside:
        problems.add(
            places.value(path),
            f"the {what} `{name[:120]}` lies outside the flow's folder.",
            "Move it beside the flow, or into a folder below.",
        )
        return None
    try:
        with file.open("rb") as opened:
            source = opened.read(MAX_BYTES + 1)
    except (OSError, ValueError):
        problems.add(places.value(path), f"there is no {what} `{name[:120]}`.", _prompt_remedy(folder, file, name))
        return None
    shown = _shown(file)
    if len(source) > MAX_BYTES:
        problems.add(Spot(shown, 1, 1), f"the prompt has more than {MAX_BYTES:,} bytes.", "Make it shorter.")
        return None
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
        return None
    if not text.strip():
        problems.add(Spot(shown, 1, 1), "the prompt is empty.", "Write what the model shall do.")
        return None
    return shown, text


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
