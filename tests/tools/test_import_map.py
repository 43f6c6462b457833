"""The map of rooms allows what its lines name and nothing else."""

import pytest
from grimp import ImportGraph
from importlinter import ContractCheck

from tools.import_map import RoomsContract, parse_map

MAP = ["errors <-", "flow <- errors", "engine <- errors, flow", "agents <- engine.steps", "cli <- *", "stretto <- *"]


def checked(*imports: tuple[str, str]) -> ContractCheck:
    graph = ImportGraph()
    for importer, imported in imports:
        graph.add_import(importer=importer, imported=imported, line_number=3, line_contents="")
    options: dict[str, object] = {"map": MAP}
    contract = RoomsContract(name="rooms", session_options={}, contract_options=options)
    return contract.check(graph, verbose=False)


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("stretto.flow.decide", "stretto.errors"),
        ("stretto.flow.decide", "stretto.flow.graph"),
        ("stretto.engine", "stretto.flow.graph"),
        ("stretto.agents.planner", "stretto.engine.steps"),
        ("stretto.cli", "stretto.engine.worker"),
        ("stretto.errors", "json"),
        ("elsewhere", "stretto.engine"),
    ],
)
def test_what_the_map_names_may_be_imported(importer: str, imported: str) -> None:
    assert checked((importer, imported)).kept


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("stretto.errors", "stretto.flow"),
        ("stretto.flow.decide", "stretto.engine"),
        ("stretto.flow.decide", "stretto"),
        ("stretto.agents.planner", "stretto.engine.worker"),
        ("stretto.agents.planner", "stretto.engine.stepsize"),
        ("stretto.agents.planner", "stretto.engine"),
    ],
)
def test_any_other_import_is_named_with_its_line(importer: str, imported: str) -> None:
    check = checked((importer, imported))
    assert not check.kept
    (problem,) = check.metadata["problems"]
    assert problem.startswith(f"{importer}:3 imports {imported}")


def test_a_room_that_is_not_on_the_map_fails() -> None:
    check = checked(("stretto.attic", "json"))
    assert check.metadata["problems"] == ["stretto.attic: the room 'attic' has no line in the map"]


@pytest.mark.parametrize("lines", [["flow errors"], ["flow <- errors", "flow <-"]])
def test_a_line_of_another_form_is_refused(lines: list[str]) -> None:
    with pytest.raises(ValueError, match="map of rooms"):
        parse_map(lines)
