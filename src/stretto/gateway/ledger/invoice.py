"""Providers' invoices: CSV files of usage or cost, read into what they say of each day and model."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from stretto.errors import DocumentInvalid, Problem
from stretto.gateway.prices import undated
from stretto.gateway.provider import TokenCounts

MAX_PROBLEMS = 20
"""So many mistakes are told; a file with more is the wrong file."""
MAX_CHARS = 200_000_000
REMEDY = (
    "Give an export of usage or cost from OpenAI's or Anthropic's console, or a file with the columns "
    "day, model, input, cached_input, output, cost_usd."
)


@dataclass(frozen=True, slots=True)
class Billed:
    """What an invoice says of a day and model. None: the file does not tell that."""

    tokens: TokenCounts | None = None
    cost_usd: Decimal | None = None

    def __add__(self, other: Billed) -> Billed:
        if self.tokens is None or other.tokens is None:
            tokens = self.tokens or other.tokens
        else:
            tokens = TokenCounts(
                input=self.tokens.input + other.tokens.input,
                cached_input=self.tokens.cached_input + other.tokens.cached_input,
                cache_write=self.tokens.cache_write + other.tokens.cache_write,
                output=self.tokens.output + other.tokens.output,
            )
        if self.cost_usd is None or other.cost_usd is None:
            return Billed(tokens, other.cost_usd if self.cost_usd is None else self.cost_usd)
        return Billed(tokens, self.cost_usd + other.cost_usd)


Invoice = Mapping[tuple[date, str], Billed]
"""What was billed, by day (UTC) and the model's name as `plain_model` writes it."""
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Form:
    """One form of invoices: known by its columns, and how a line of it is read."""

    name: str
    columns: frozenset[str]
    read: Callable[[Row], tuple[date, str, Billed]]


def plain_model(name: str) -> str:
    """A model's name as it is compared: `claude-haiku-4-5` for `Claude Haiku 4.5` and `claude-haiku-4-5-20251001`.

    Consoles show names for people, and a provider may bill the dated version of a model that was called without a date.
    """
    name = re.sub(r"\s+", "-", name.strip().lower())
    if name.startswith("claude"):
        name = name.replace(".", "-")
    return undated(name)


def read_invoice(path: Path) -> tuple[str, Invoice]:
    """The form's name, and what the file says. Raises `DocumentInvalid` with the place of each mistake."""
    try:
        if path.stat().st_size > MAX_CHARS:
            raise DocumentInvalid([Problem(str(path), 0, 0, "The file is too large for an invoice.", REMEDY)])
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentInvalid(
            [Problem(str(path), 0, 0, "This is no text in UTF-8.", "Save it as CSV in UTF-8.")]
        ) from None
    except OSError as error:
        told = error.strerror or str(error)
        raise DocumentInvalid(
            [Problem(str(path), 0, 0, f"The file cannot be read: {told}.", "Check the path.")]
        ) from None
    return _read(text, str(path))


def _read(text: str, file: str) -> tuple[str, Invoice]:
    problems: list[Problem] = []
    billed: dict[tuple[date, str], Billed] = {}
    lines = _lines(text, file, problems)
    _, header = next(lines, (1, dict[str, str]()))
    form = next((form for form in FORMS if form.columns <= header.keys()), None)
    if form is None:
        found = ", ".join(header) or "none"
        raise DocumentInvalid(problems or [Problem(file, 1, 1, f"No known form has these columns: {found}.", REMEDY)])
    for number, row in lines:
        try:
            day, model, found = form.read(row)
        except _Mistake as mistake:
            problems.append(Problem(file, number, 1, str(mistake), "Mend the line, or export the file again."))
        else:
            key = (day, plain_model(model))
            billed[key] = billed[key] + found if key in billed else found
        if len(problems) >= MAX_PROBLEMS:
            break
    if problems:
        raise DocumentInvalid(problems)
    return form.name, billed


def _lines(text: str, file: str, problems: list[Problem]) -> Iterator[tuple[int, dict[str, str]]]:
    """The header as a row of empty values, then the rows, each with the line that it begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    names: list[str] = []
    line = 1
    try:
        for cells in reader:
            begins, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = [re.sub(r"\s+", "_", cell.strip().lower()) for cell in cells]
                yield begins, dict.fromkeys(names, "")
            elif len(cells) != len(names):
                told = f"The line has {len(cells)} values, the header {len(names)} columns."
                problems.append(Problem(file, begins, 1, told, "Mend the line, or export the file again."))
            else:
                yield begins, {name: cell.strip() for name, cell in zip(names, cells, strict=True)}
    except csv.Error as error:
        problems.append(
            Problem(file, max(1, reader.line_num), 1, f"This is no CSV: {error}.", "Export the file again.")
        )


class _Mistake(ValueError):
    """What is wrong with a line."""


def _count(row: Row, *names: str) -> int:
    """The sum of these columns; one that is missing or empty counts nothing."""
    found = 0
    for name in names:
        if text := row.get(name, ""):
            number = _decimal(text, name)
            if number != number.to_integral_value() or number < 0:
                raise _Mistake(f"{name} is {text!r}, which is no number of tokens.")
            found += int(number)
    return found


def _decimal(text: str, name: str) -> Decimal:
    try:
        number = Decimal(text.replace(",", "").removeprefix("$"))
    except InvalidOperation:
        raise _Mistake(f"{name} is {text!r}, which is no number.") from None
    if not number.is_finite():
        raise _Mistake(f"{name} is {text!r}, which is no number.")
    return number


def _money(row: Row, name: str) -> Decimal | None:
    return _decimal(row[name], name) if row.get(name) else None


def _day(row: Row, *names: str) -> date:
    name = next((name for name in names if row.get(name)), names[0])
    text = row.get(name, "")
    try:
        if text.isdigit() and len(text) != len("20260731"):  # Unix time
            return datetime.fromtimestamp(int(text), UTC).date()
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise _Mistake(f"{name} is {text!r}, which is no day. Write it as 2026-07-31.") from None
    return at.astimezone(UTC).date() if at.tzinfo else at.date()


def _model(row: Row, name: str) -> str:
    if not row.get(name):
        raise _Mistake(f"{name} is empty.")
    return row[name]


def _plain(row: Row) -> tuple[date, str, Billed]:
    tokens = None
    if any(row.get(name) for name in ("input", "cached_input", "cache_write", "output")):
        tokens = TokenCounts(
            input=_count(row, "input"),
            cached_input=_count(row, "cached_input"),
            cache_write=_count(row, "cache_write"),
            output=_count(row, "output"),
        )
    return _day(row, "day"), _model(row, "model"), Billed(tokens, _money(row, "cost_usd"))


def _openai_usage(row: Row) -> tuple[date, str, Billed]:
    # Here input_tokens includes those read from the cache, and output_tokens the reasoning.
    cached = _count(row, "input_cached_tokens")
    uncached = _count(row, "input_tokens") - cached
    if uncached < 0:
        raise _Mistake("input_cached_tokens is more than input_tokens.")
    tokens = TokenCounts(input=uncached, cached_input=cached, output=_count(row, "output_tokens"))
    return _day(row, "start_time_iso", "start_time"), _model(row, "model"), Billed(tokens)


def _openai_cost(row: Row) -> tuple[date, str, Billed]:
    currency = row.get("amount_currency", "")
    if currency.lower() not in {"", "usd"}:
        raise _Mistake(f"amount_currency is {currency!r}; the ledger is kept in US dollars.")
    # A line item is a model and what of it is billed: `gpt-5-2025-08-07, cached input`.
    model = _model(row, "line_item").partition(",")[0]
    return _day(row, "start_time_iso", "start_time"), model, Billed(None, _money(row, "amount_value"))


def _anthropic_usage(row: Row) -> tuple[date, str, Billed]:
    tokens = TokenCounts(
        input=_count(row, "usage_input_tokens_no_cache"),
        cached_input=_count(row, "usage_input_tokens_cache_read"),
        cache_write=_count(row, "usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write_1h"),
        output=_count(row, "usage_output_tokens"),
    )
    return _day(row, "usage_date_utc"), _model(row, "model_version"), Billed(tokens)


def _anthropic_cost(row: Row) -> tuple[date, str, Billed]:
    return _day(row, "usage_date_utc"), _model(row, "model"), Billed(None, _money(row, "cost_usd"))


FORMS = (
    Form("OpenAI usage", frozenset({"start_time", "model", "input_tokens", "output_tokens"}), _openai_usage),
    Form("OpenAI cost", frozenset({"start_time", "line_item", "amount_value"}), _openai_cost),
    Form(
        "Anthropic usage",
        frozenset({"usage_date_utc", "model_version", "usage_input_tokens_no_cache", "usage_output_tokens"}),
        _anthropic_usage,
    ),
    Form("Anthropic cost", frozenset({"usage_date_utc", "model", "cost_usd"}), _anthropic_cost),
    Form("plain, with cost", frozenset({"day", "model", "cost_usd"}), _plain),
    Form("plain, tokens only", frozenset({"day", "model", "input", "output"}), _plain),
)
"""The forms that are known, by the names of their columns; others may stand beside them, in any order."""
