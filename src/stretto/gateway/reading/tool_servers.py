"""`mcp:`: the servers whose tools steps and agents may call."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from stretto.documents.plain import Json, is_list, is_mapping, kind_of
from stretto.documents.problems import Path, suggest
from stretto.gateway.reading.providers import HEADER, KEY_PLACE, SECRET_HEADERS
from stretto.gateway.reading.reader import ConfigReader, given
from stretto.gateway.reading.words import CLIENT_AUTHS, EFFECTS, GRANTS, OAUTH_KEYS, SERVER_KEYS
from stretto.gateway.tool_servers import ASK_S, REDIRECT, EffectWord, OAuth, ToolServer

EXAMPLE = "mcp: {files: {command: [mcp-server-filesystem, /data]}}"
SERVER_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
PATTERN = re.compile(r"[A-Za-z0-9_.*/-]{1,128}")
REFERENCE = re.compile(r"\$\{([^}]*)\}")
SECRET_NAME = re.compile(r"(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY)$", re.IGNORECASE)
SECRET_PLACE = re.compile(rf"{KEY_PLACE.pattern}|(tenant|secret):[A-Za-z0-9][A-Za-z0-9._-]{{0,63}}")
LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\]):[0-9]{1,5}/[!-~]*")
ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
MOST_SERVERS = 100
MOST_TIMEOUT_S = 86_400.0


class ServerReader:
    """Reads the servers; the routes are known by now."""

    def __init__(self, reader: ConfigReader, routes: Collection[str]) -> None:
        self.reader = reader
        self.routes = routes

    def read(self, value: Json) -> dict[str, ToolServer]:
        servers: dict[str, ToolServer] = {}
        data = self.reader.mapping(("mcp",), value, "`mcp`", EXAMPLE) or {}
        if len(data) > MOST_SERVERS:
            self.reader.at_key(("mcp",), f"these are {len(data)} servers.", f"There may be {MOST_SERVERS}.")
            return servers
        for name, each in data.items():
            path = ("mcp", name)
            if not SERVER_NAME.fullmatch(name):
                self.reader.at_key(
                    path,
                    f"`{name[:80]}` cannot name a server.",
                    "A name has small letters, digits, `_` and `-`, begins with a letter, and has at most 64.",
                )
            elif (server := self._server(path, name, each)) is not None:
                servers[name] = server
        return servers

    def _server(self, path: Path, name: str, value: Json) -> ToolServer | None:
        reader, what = self.reader, f"server `{name}`"
        data = reader.section(path, value, SERVER_KEYS, what, f"{name}: {{command: [mcp-server-filesystem, /data]}}")
        if data is None:
            return None
        if given(data, "command") == given(data, "url"):
            told = "has both `command` and `url`" if given(data, "url") else "has neither `command` nor `url`"
            remedy = (
                "Say how to start it (`command: [program, word]`) or where it is (`url: http://127.0.0.1:3000/mcp`)."
            )
            reader.at_key(path, f"{what} {told}.", remedy)
            return None
        away = ("headers", "oauth") if given(data, "command") else ("env", "cwd")
        for key in away:
            if given(data, key):
                other = "url" if key in ("headers", "oauth") else "command"
                reader.at_key((*path, key), f"`{key}` belongs to a server with `{other}`.", "Delete it.")
        secrets = self._secrets((*path, "secrets"), data.get("secrets"))
        timeout_s = (
            reader.duration((*path, "timeout"), data["timeout"], "`timeout`") if given(data, "timeout") else None
        )
        if timeout_s is not None and not 0 < timeout_s <= MOST_TIMEOUT_S:
            reader.at_value((*path, "timeout"), "`timeout` must be above 0, and at most `1d`.")
        if given(data, "per_tenant") and data["per_tenant"] is False:
            for each, place in secrets.items():
                if place.startswith(("tenant:", "secret:")):
                    told = f"all tenants share {what}, so it cannot get a secret of one of them."
                    remedy = "Delete `per_tenant`, or use `env:` or `sealed:`."
                    reader.at_value((*path, "secrets", each), told, remedy)
        return ToolServer(
            name=name,
            command=self._words((*path, "command"), data["command"]) if given(data, "command") else (),
            env=self._env((*path, "env"), data.get("env"), secrets),
            cwd=(reader.text((*path, "cwd"), data["cwd"], "`cwd`") or "") if given(data, "cwd") else "",
            url=self._url((*path, "url"), data["url"]) if given(data, "url") else "",
            headers=self._headers((*path, "headers"), data.get("headers"), secrets),
            secrets=secrets,
            allow=self._patterns((*path, "allow"), data["allow"]) if given(data, "allow") else ("*",),
            effects=self._effects((*path, "effects"), data.get("effects")),
            amounts=self._amounts(data.get("effects")),
            timeout_s=timeout_s or 60.0,
            per_tenant=self._flag(path, data, "per_tenant"),
            oauth=self._oauth((*path, "oauth"), data["oauth"], secrets)
            if given(data, "oauth") and given(data, "url")
            else None,
            sampling=self._route((*path, "sampling"), data["sampling"]) if given(data, "sampling") else "",
            elicitation_s=self._asking((*path, "elicitation"), data["elicitation"])
            if given(data, "elicitation")
            else ASK_S,
            one_at_a_time=given(data, "elicitation") and data["elicitation"] != "never",
        )

    def _oauth(self, path: Path, value: Json, secrets: Mapping[str, str]) -> OAuth | None:
        reader = self.reader
        data = reader.section(path, value, OAUTH_KEYS, "`oauth`", "oauth: {grant: authorization_code}")
        if data is None:
            return None
        if not given(data, "grant"):
            reader.at_key(path, "`oauth` has no `grant`.", f"Say one of: {', '.join(GRANTS)}.")
            return None
        grant = reader.choice((*path, "grant"), data["grant"], "`grant`", GRANTS)
        texts = {
            key: (reader.text((*path, key), data[key], f"`{key}`") or "") if given(data, key) else ""
            for key in ("client_id", "client_secret", "issuer", "scope", "redirect")
        }
        if texts["client_secret"] and texts["client_secret"] not in secrets:  # not shown: it may be the secret itself
            remedy = "Name one that stands under `secrets`: `client_secret: CRM_SECRET` with `secrets: {CRM_SECRET: tenant:crm}`."
            reader.at_value((*path, "client_secret"), "`client_secret` is no name under `secrets`.", remedy)
        for key in ("issuer", "redirect"):
            if texts[key] and not texts[key].startswith(("https://", "http://")):
                reader.at_value((*path, key), f"`{key}` is an address.", "It begins with `https://`.")
        if texts["redirect"] and not LOOPBACK.fullmatch(texts["redirect"]):
            told = "Write it like `http://127.0.0.1:8704/callback`."
            reader.at_value((*path, "redirect"), "`redirect` leads to this machine, with a port.", told)
        if grant == "client_credentials":
            for key in ("client_id", "client_secret", "issuer"):
                if not texts[key]:
                    told = "It says who we are, with which secret, and which server alone may get it."
                    reader.at_key(path, f"`oauth` with `client_credentials` has no `{key}`.", told)
        auth = (
            reader.choice((*path, "client_auth"), data["client_auth"], "`client_auth`", CLIENT_AUTHS)
            if given(data, "client_auth")
            else None
        )
        if grant is None:
            return None
        return OAuth(
            grant,
            texts["client_id"],
            texts["client_secret"],
            auth or "client_secret_basic",
            texts["issuer"],
            texts["scope"],
            texts["redirect"] or REDIRECT,
        )

    def _asking(self, path: Path, value: Json) -> float:
        if value == "never":
            return 0.0
        asking_s = self.reader.duration(path, value, "`elicitation`")
        if asking_s is not None and not 0 < asking_s <= MOST_TIMEOUT_S:
            told = "`never` lets the server ask nobody."
            self.reader.at_value(path, "`elicitation` must be above 0, and at most `1d`.", told)
        return asking_s or 0.0

    def _flag(self, path: Path, data: Mapping[str, Json], key: str) -> bool:
        return self.reader.flag((*path, key), data[key], f"`{key}`") if given(data, key) else True

    def _words(self, path: Path, value: Json) -> tuple[str, ...]:
        if not is_list(value) or not value:
            remedy = "Write the program and its words as a list: `[npx, -y, some-server]`; no shell reads them."
            self.reader.at_value(path, f"`command` is a list of words, but this is {kind_of(value)}.", remedy)
            return ()
        words: list[str] = []
        for index, item in enumerate(value):
            if isinstance(item, bool | None) or not isinstance(item, str | int | float):
                self.reader.at_value(
                    (*path, index), f"a word is a text, but this is {kind_of(item)}.", "Put it in quotes."
                )
            elif "\0" in str(item) or (index == 0 and not str(item).strip()):
                self.reader.at_value((*path, index), "this is no word that a program can be given.", "Correct it.")
            else:
                words.append(str(item))
        return tuple(words)

    def _env(self, path: Path, value: Json, secrets: Mapping[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, text in (self.reader.mapping(path, value, "`env`", "env: {LOG_LEVEL: info}") or {}).items():
            at = (*path, name)
            if not VARIABLE.fullmatch(name):
                self.reader.at_key(
                    at, f"`{name[:80]}` cannot name an environment variable.", "Write it like `LOG_LEVEL`."
                )
            elif name in secrets:
                self.reader.at_key(at, f"`{name}` stands under `secrets` too.", "Keep one of them.")
            elif SECRET_NAME.search(name):  # what it says is not shown
                self._no_secret_here(at, name)
            elif isinstance(text, bool | None) or not isinstance(text, str | int | float) or "\0" in str(text):
                self.reader.at_value(at, f"`{name}` is a text, but this is {kind_of(text)}.", "Put it in quotes.")
            else:
                found[name] = str(text)
        return found

    def _secrets(self, path: Path, value: Json) -> dict[str, str]:
        """Where the secrets are. What stands there instead is never shown: it may be the secret itself."""
        found: dict[str, str] = {}
        example = "secrets: {GITHUB_TOKEN: env:GITHUB_TOKEN}"
        for name, place in (self.reader.mapping(path, value, "`secrets`", example) or {}).items():
            at = (*path, name)
            if not VARIABLE.fullmatch(name):
                self.reader.at_key(at, f"`{name[:80]}` cannot name a secret.", "Write it like `GITHUB_TOKEN`.")
            elif not isinstance(place, str) or not SECRET_PLACE.fullmatch(place):
                self._no_secret_here(at, name)
            else:
                found[name] = place
        return found

    def _no_secret_here(self, at: Path, name: str) -> None:
        self.reader.at_value(
            at,
            "a secret itself does not belong in a file.",
            f"Say under `secrets` where it is: `{name}: env:{name}` for an environment variable of Stretto's, "
            f"`{name}: sealed:{name.lower()}` after `stretto provider-key set {name.lower()}`, "
            f"`{name}: tenant:{name.lower()}` for one that each tenant sets. "
            "If this file was shared, make a new secret.",
        )

    def _headers(self, path: Path, value: Json, secrets: Mapping[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        example = 'headers: {Authorization: "Bearer ${TOKEN}"}'
        for name, text in (self.reader.mapping(path, value, "`headers`", example) or {}).items():
            at = (*path, name)
            if not HEADER.fullmatch(name):
                self.reader.at_key(at, f"`{name[:80]}` cannot name a header.", "Write it like `X-Team`.")
                continue
            if not isinstance(text, str) or not text.isprintable():
                self.reader.at_value(at, f"the header `{name}` is a text in one line.", "Put it in quotes.")
                continue
            names: list[str] = REFERENCE.findall(text)
            if name.lower() in SECRET_HEADERS and not names:  # not shown: it is a secret
                remedy = f'Write `{name}: "Bearer ${{TOKEN}}"`, and under `secrets`: `TOKEN: env:TOKEN`.'
                self.reader.at_value(
                    at, f"the header `{name}` carries a secret, which does not belong in a file.", remedy
                )
                continue
            unknown = [each for each in names if each not in secrets]
            for each in unknown:
                remedy = suggest(each, secrets, f"Say where it is: `secrets: {{{each[:40]}: env:{each[:40]}}}`.")
                self.reader.at_value(at, f"there is no secret `{each[:80]}`.", remedy)
            if not unknown:
                found[name] = text
        return found

    def _url(self, path: Path, value: Json) -> str:
        text = self.reader.text(path, value, "`url`")
        if text is None:
            return ""
        remedy = "Write it like `https://tools.example.com/mcp`."
        try:
            parts = urlsplit(text)
            sound = (
                parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and text.isprintable()
            )
        except ValueError:
            sound, parts = False, urlsplit("")
        if not sound:
            self.reader.at_value(path, "`url` begins with `http://` or `https://` and a host.", remedy)
        elif "@" in parts.netloc:
            told = "Put it under `secrets`, and name it in `headers`."
            self.reader.at_value(path, "`url` holds a name or a password.", told)
        elif parts.fragment:
            self.reader.at_value(path, "`url` has a part after `#`, which no server sees.", "Delete it.")
        else:
            return text
        return ""

    def _patterns(self, path: Path, value: Json) -> tuple[str, ...]:
        if isinstance(value, str):
            value = [value]
        if not is_list(value):
            remedy = "Write it like `[read_*, list_directory]`."
            self.reader.at_value(path, f"`allow` is a list of patterns, but this is {kind_of(value)}.", remedy)
            return ()
        return tuple(text for index, item in enumerate(value) if (text := self._pattern((*path, index), item)))

    def _pattern(self, path: Path, value: Json) -> str:
        if isinstance(value, str) and PATTERN.fullmatch(value):
            return value
        shown = f"`{value[:80]}`" if isinstance(value, str) else f"this is {kind_of(value)}, which"
        self.reader.at_value(path, f"{shown} cannot name a tool.", "Write its name, with `*` for any part: `read_*`.")
        return ""

    def _effects(self, path: Path, value: Json) -> dict[str, EffectWord]:
        found: dict[str, EffectWord] = {}
        example = "effects: {create_issue: writes, order_*: spends}"
        for name, word in (self.reader.mapping(path, value, "`effects`", example) or {}).items():
            at = (*path, name)
            if not PATTERN.fullmatch(name):
                self.reader.at_key(at, f"`{name[:80]}` cannot name a tool.", "Write its name, with `*` for any part.")
            elif is_mapping(word):  # `{spends: total}` names the argument that says how much
                amount: Json = word.get("spends")
                if set(word) == {"spends"} and isinstance(amount, str) and ARGUMENT.fullmatch(amount):
                    found[name] = "spends"
                else:
                    told = f"`{name}: {{spends: amount_usd}}` names the argument that says how much."
                    self.reader.at_value(
                        at, "this does not say which argument holds the amount.", f"Write it like {told}"
                    )
            elif (chosen := self.reader.choice(at, word, f"the effect of `{name}`", EFFECTS)) is not None:
                found[name] = chosen
        return found

    def _amounts(self, value: Json) -> dict[str, str]:
        """Of effects like `{spends: total}`, the arguments; what is wrong with them is told elsewhere."""
        data: Mapping[str, Json] = value if is_mapping(value) else {}
        return {
            name: amount
            for name, word in data.items()
            if is_mapping(word) and isinstance(amount := word.get("spends"), str)
        }

    def _route(self, path: Path, value: Json) -> str:
        name = self.reader.text(path, value, "`sampling`")
        if name is not None and name not in self.routes:
            self.reader.at_value(path, f"there is no route `{name[:80]}`.", suggest(name, list(self.routes)))
        return name or ""
