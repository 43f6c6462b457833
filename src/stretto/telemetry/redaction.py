"""The one place where secrets and personal data are taken out of what leaves the process: logs, traces, error reports.

Names say it (`password`, `authorization`), or forms do: our keys, provider keys, bearer tokens, JWTs, passwords in URLs and
connection strings, e-mail addresses, card numbers (checked by Luhn's digit, so that order numbers stay), phone numbers in
international form. What has none of these forms is left as it is: a name or an address in free text is not found, so content
of messages is off unless somebody asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

HIDDEN = "***"
MAX_DEPTH = 20
MAX_CHARS = 20_000

_NAME = re.compile(r"(?i)passw|secret|token$|api_?key|authorization|cookie|credential|private_?key|dsn$")
_TEXTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b(st_[0-9a-f]{12})_[0-9a-f]{8,}"), r"\1_***"),
    (re.compile(r"\b(?:sk|pk|rk|whsec|xox[abpr]|gh[pousr]|AIza|glpat|hf)[-_][A-Za-z0-9_-]{8,}"), HIDDEN),
    (re.compile(r"\bAKIA[0-9A-Z]{16}\b"), HIDDEN),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(://[^:/@\s]*:)[^@/\s]+@"), rf"\1{HIDDEN}@"),
    (
        re.compile(
            r"(?i)\b(password|passwd|pwd|api_?key|secret|access_token|refresh_token)(\s*[=:]\s*)('[^']*'|\"[^\"]*\"|[^\s,;&]+)"
        ),
        rf"\1\2{HIDDEN}",
    ),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    (re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"), "***@***"),
    (re.compile(r"(?<![\w+])\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{2,4}(?:[ .-]?\d{2,4}){2,4}(?!\w)"), HIDDEN),
)
_DIGITS = re.compile(r"(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w.-])")


def redact(value: object, depth: int = 0) -> object:
    """The value with `***` in place of what is secret or personal, in any nesting; deeper than 20 levels all of it."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes):
        return redact_text(value.decode(errors="replace"))
    if isinstance(value, Mapping):
        if depth >= MAX_DEPTH:
            return HIDDEN
        given = cast("Mapping[object, object]", value)
        return {
            redact_text(name) if isinstance(name, str) else name: redact_field(str(name), each, depth + 1)
            for name, each in given.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        if depth >= MAX_DEPTH:
            return HIDDEN
        return [redact(each, depth + 1) for each in cast("list[object]", value)]
    return value


def redact_field(name: str, value: object, depth: int = 0) -> object:
    """A named value: all of it is hidden where its name says that it is secret."""
    if _NAME.search(name) and value is not None and not isinstance(value, bool | int | float) and value != "":
        return HIDDEN
    return redact(value, depth)


def redact_text(text: str) -> str:
    """The text with `***` in place of what is secret or personal; one that is very long is cut."""
    if len(text) > MAX_CHARS:
        text = text[:MAX_CHARS] + "…"
    for pattern, instead in _TEXTS:
        text = pattern.sub(instead, text)
    return _DIGITS.sub(lambda found: HIDDEN if is_card(found[0]) else found[0], text)


def is_card(text: str) -> bool:
    """Whether these digits have the check digit of a payment card (Luhn, ISO/IEC 7812-1) and begin as one does."""
    digits = [int(sign) for sign in text if sign.isdigit()]
    if not 13 <= len(digits) <= 19 or digits[0] not in (2, 3, 4, 5, 6):
        return False
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (doubled + sum(digits[-1::-2])) % 10 == 0
