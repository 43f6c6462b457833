"""The import-linter contract that reads the map of rooms in pyproject.toml."""

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

PACKAGE = "stretto"
EVERY_ROOM = "*"


class RoomsContract(Contract):
    """Each room of the package imports only the rooms that its line of the map names.

    A line is `room <- other, other.module`: with a dot, only that module of the other room may be imported.
    Direct imports are checked: where every direct import is allowed, the indirect ones are as well.
    """

    type_name = "rooms"

    map = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Compare every import inside the package with the map."""
        allowed = parse_map(self.map)  # pyright: ignore[reportArgumentType]  (a field becomes its value)
        problems: list[str] = []
        for importer in sorted(module for module in graph.modules if room_of(module)):
            room = room_of(importer)
            if room not in allowed:
                problems.append(f"{importer}: the room {room!r} has no line in the map")
                continue
            for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                if not may_import(allowed[room], room, imported):
                    lines = [
                        str(detail["line_number"])
                        for detail in graph.get_import_details(importer=importer, imported=imported)
                    ]
                    problems.append(f"{importer}:{','.join(lines)} imports {imported}, and {room} may not")
        return ContractCheck(kept=not problems, metadata={"problems": problems})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print one line for each import that the map does not allow."""
        for problem in check.metadata["problems"]:
            output.print_error(problem)


def parse_map(lines: list[str]) -> dict[str, set[str]]:
    """Turn `room <- other, other` lines into sets of allowed rooms; raise ValueError for a line of another form."""
    allowed: dict[str, set[str]] = {}
    for line in lines:
        room, arrow, others = line.partition("<-")
        if not arrow or room.strip() in allowed:
            raise ValueError(f"the map of rooms has a line that is doubled or not of the form 'room <- room': {line!r}")
        allowed[room.strip()] = {other.strip() for other in others.split(",") if other.strip()}
    return allowed


def room_of(module: str) -> str | None:
    """The room that a module stands in, or None for a module outside the package."""
    first, _, rest = module.partition(".")
    if first != PACKAGE:
        return None
    return rest.partition(".")[0] or PACKAGE


def may_import(allowed: set[str], room: str, imported: str) -> bool:
    """Whether a room with this line of the map may import the module."""
    other = room_of(imported)
    if other is None or other == room or EVERY_ROOM in allowed or other in allowed:
        return True
    inner = imported.removeprefix(f"{PACKAGE}.")
    return any(inner == name or inner.startswith(f"{name}.") for name in allowed)
