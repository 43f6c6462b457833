"""The task graph that a planner made: check it before anything of it runs."""

from __future__ import annotations

from collections import deque
from difflib import get_close_matches
from typing import Any

from stretto.errors import OutputInvalid


def task_needs(path: str, tasks: list[Any]) -> list[list[int]]:
    """For each task, the indices of the tasks that it needs.

    A task is an object with `id` (text) and, if it needs others, `needs` (a list of ids).
    Raises `OutputInvalid`, naming the task, for a missing or repeated id, an unknown need or a cycle.
    """
    index: dict[str, int] = {}
    for n, task in enumerate(tasks):
        if not isinstance(task, dict) or not isinstance(task.get("id"), str) or not task["id"]:  # pyright: ignore[reportUnknownMemberType]
            raise OutputInvalid(f"Task {n} of the plan for {path} has no `id`. Each task needs a text `id`.")
        if task["id"] in index:
            raise OutputInvalid(f"The plan for {path} has two tasks {task['id']!r}. Give each its own `id`.")
        index[task["id"]] = n
    return _ordered(path, tasks, [_needs_of(path, task, index) for task in tasks])


def _needs_of(path: str, task: dict[str, Any], index: dict[str, int]) -> list[int]:
    needs: Any = task.get("needs") or []
    if not isinstance(needs, list):
        raise OutputInvalid(f"`needs` of task {task['id']!r} for {path} must be a list of task ids.")
    names: list[Any] = needs  # pyright: ignore[reportUnknownVariableType]
    found: list[int] = []
    for name in dict.fromkeys(map(str, names)):
        if name not in index:
            near = get_close_matches(name, index, n=1)
            hint = f" Did it mean {near[0]!r}?" if near else ""
            raise OutputInvalid(f"Task {task['id']!r} for {path} needs {name!r}, which is not in the plan.{hint}")
        found.append(index[name])
    return found


def _ordered(path: str, tasks: list[Any], needs: list[list[int]]) -> list[list[int]]:
    """Kahn's algorithm; whatever it cannot order lies on or behind a cycle."""
    missing = [len(needed) for needed in needs]
    dependents: list[list[int]] = [[] for _ in needs]
    for n, needed in enumerate(needs):
        for m in needed:
            dependents[m].append(n)
    free = deque(n for n, count in enumerate(missing) if count == 0)
    done = 0
    while free:
        done += 1
        for n in dependents[free.popleft()]:
            missing[n] -= 1
            if missing[n] == 0:
                free.append(n)
    if done < len(needs):
        n = next(i for i, count in enumerate(missing) if count)
        trail: list[int] = []
        while n not in trail:
            trail.append(n)
            n = next(m for m in needs[n] if missing[m])
        circle = [tasks[m]["id"] for m in [*trail[trail.index(n) :], n]]
        raise OutputInvalid(f"The plan for {path} goes in a circle: {' needs '.join(circle)}. Remove one `needs`.")
    return needs
