"""`providers:`: accounts with providers, and servers of one's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from stretto.documents.plain import Json
from stretto.documents.problems import Path, listing, suggest
from stretto.gateway.config import Provider, Timeouts
from stretto.gateway.presets import PRESETS
from stretto.gateway.reading.reader import ConfigReader, given
from stretto.gateway.reading.words import (
    DIALECTS,
    IN_PROCESS,
    MAX_TOKENS_FIELDS,
    PROVIDER_KEYS,
    SCHEMA_MODES,
    TIMEOUT_KEYS,
)

EXAMPLE = "providers: {openai: {preset: openai}}"
KEY_PLACE = re.compile(r"(env:[A-Za-z_][A-Za-z0-9_]{0,127}|sealed:[A-Za-z0-9][A-Za-z0-9._-]{0,63})")
VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?|([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_(?:KEY|TOKEN))")
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,80}")
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "cookie"})
ENDINGS = ("/chat/completions", "/messages", "/completions", "/embeddings")


class ProviderReader:
    """Reads the providers; a preset, `simulated` and `classical` are there without being declared."""

    def __init__(self, reader: ConfigReader, environment: Mapping[str, str]) -> None:
        self.reader = reader
        self.environment = environment
        self.declared: dict[str, Provider] = {}
        self.broken: set[str] = set()
        """Declared, but with mistakes: who refers to them makes none."""

    def read(self, value: Json) -> None:
        for name, data in self.reader.named(("providers",), value, "provider", EXAMPLE).items():
            provider = self._provider(("providers", name), name, data)
            if provider is None:
                self.broken.add(name)
            else:
                self.declared[name] = provider

    def find(self, name: str) -> Provider | None:
        """The provider of this name, declared or known."""
        if name in self.declared:
            return self.declared[name]
        if name in self.broken:
            return None
        if name in IN_PROCESS:
            return Provider(name, "simulated" if name == "simulated" else "classical")
        preset = PRESETS.get(name)
        if preset is None or preset.needs_url:
            return None
        return preset.make(environment=self.environment)

    def names(self) -> list[str]:
        """All that `find` knows."""
        known = [name for name, preset in PRESETS.items() if not preset.needs_url]
        return [*self.declared, *(name for name in (*known, *IN_PROCESS) if name not in self.declared)]

    def _provider(self, path: Path, name: str, value: Json) -> Provider | None:
        reader, what = self.reader, f"provider `{name}`"
        if isinstance(value, str):  # not shown: it may be a key
            reader.at_value(
                path,
                f"{what} is a mapping, but this is a text.",
                f"Write it like `{name}: {{preset: openai, key: env:OPENAI_API_KEY}}`.",
            )
            return None
        data = reader.section(path, value, PROVIDER_KEYS, what, f"{name}: {{preset: openai}}")
        if data is None:
            return None
        template = self._template(path, name, data)
        if template is None:
            return None
        changes: dict[str, Any] = {}
        if "key" in data:
            changes["key"] = self._key((*path, "key"), data["key"], name)
        if "url" in data:
            changes["url"] = self._url((*path, "url"), data["url"])
        elif not template.url and template.dialect not in IN_PROCESS:
            reader.at_key(path, f"{what} has no `url`.", "Say where it is: `url: http://127.0.0.1:8000/v1`.")
        if given(data, "headers"):
            changes["headers"] = self._headers((*path, "headers"), data["headers"])
        if given(data, "timeouts"):
            changes["timeouts"] = self._timeouts((*path, "timeouts"), data["timeouts"], template.timeouts)
        for key, words in (("max_tokens_field", MAX_TOKENS_FIELDS), ("schema_mode", SCHEMA_MODES)):
            if key in data:
                changes[key] = reader.choice((*path, key), data[key], f"`{key}`", words)
        if "stream_usage" in data:
            changes["stream_usage"] = reader.flag((*path, "stream_usage"), data["stream_usage"], "`stream_usage`")
        return replace(template, **{key: value for key, value in changes.items() if value is not None})

    def _template(self, path: Path, name: str, data: Mapping[str, Json]) -> Provider | None:
        """What a preset or a dialect gives before the other keys say more."""
        reader = self.reader
        if "preset" in data and "dialect" in data:
            reader.at_key((*path, "dialect"), f"provider `{name}` has a `preset` and a `dialect`.", "Keep one of them.")
        if "preset" in data or ("dialect" not in data and name in PRESETS):
            preset = reader.choice((*path, "preset"), data.get("preset", name), "`preset`", tuple(PRESETS))
            return None if preset is None else PRESETS[preset].make(name, self.environment)
        if "dialect" in data:
            dialect = reader.choice((*path, "dialect"), data["dialect"], "`dialect`", DIALECTS)
            return None if dialect is None else Provider(name, dialect)
        reader.at_key(
            path,
            f"provider `{name}` has neither `preset` nor `dialect`.",
            suggest(name, PRESETS, f"Name one that is known (`preset:` {listing(list(PRESETS), joint='or')}), "
            "or write `dialect: openai` and its `url`."),
        )  # fmt: skip
        return None

    def _key(self, path: Path, value: Json, name: str) -> str | None:
        """Where the key is. What stands there instead is never shown: it may be the key itself."""
        if value is None:
            return ""
        if isinstance(value, str) and KEY_PLACE.fullmatch(value):
            return value
        variable = VARIABLE.fullmatch(value) if isinstance(value, str) else None
        if variable:
            self.reader.at_value(
                path, "a key's place has a word in front.", f"Write `env:{variable[1] or variable[2]}`."
            )
            return None
        example = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_") + "_API_KEY"
        self.reader.at_value(
            path,
            "a key itself does not belong in a file.",
            f"Say where it is: `env:{example}` for an environment variable, `sealed:{name}` after "
            f"`stretto provider-key set {name}`. If this file was shared, make a new key.",
        )
        return None

    def _url(self, path: Path, value: Json) -> str | None:
        text = self.reader.text(path, value, "`url`")
        if text is None:
            return None
        try:
            parts = urlsplit(text)
            sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            self.reader.at_value(path, "`url` is no address.", "Write it like `https://api.openai.com/v1`.")
            return None
        if "@" in text or parts.query or parts.fragment:
            self.reader.at_value(
                path, "`url` has more than an address and a path.", "A key belongs in `key:`; delete the rest."
            )
            return None
        if not sound:
            remedy = "Write it like `https://api.openai.com/v1`."
            self.reader.at_value(path, "`url` begins with `http://` or `https://` and a host.", remedy)
            return None
        text = text.rstrip("/")
        for ending in ENDINGS:
            if text.endswith(ending):
                self.reader.at_value(path, f"`url` ends before `{ending}`.", f"Write `{text.removesuffix(ending)}`.")
                return None
        return text

    def _headers(self, path: Path, value: Json) -> dict[str, str]:
        headers: dict[str, str] = {}
        for name, text in (self.reader.mapping(path, value, "`headers`", "headers: {X-Team: research}") or {}).items():
            at = (*path, name)
            if not HEADER.fullmatch(name):
                self.reader.at_key(at, f"`{name[:80]}` cannot name a header.", "Write it like `X-Team`.")
            elif name.lower() in SECRET_HEADERS:
                self.reader.at_key(at, f"the header `{name}` is for a key.", "Delete it, and say `key:` instead.")
            elif not isinstance(text, str) or not text.isprintable():
                self.reader.at_value(at, f"the header `{name}` is a text in one line.", "Put it in quotes.")
            else:
                headers[name] = text
        return headers

    def _timeouts(self, path: Path, value: Json, before: Timeouts) -> Timeouts | None:
        data = self.reader.section(path, value, TIMEOUT_KEYS, "`timeouts`", "timeouts: {connect: 5s, first_token: 60s}")
        if data is None:
            return None
        read = {f"{key}_s": self.reader.duration((*path, key), text, f"`{key}`") for key, text in data.items()}
        return replace(before, **{key: seconds for key, seconds in read.items() if seconds is not None})
