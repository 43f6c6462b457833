"""Read `policies:`, what judges measure against: every mistake noted at its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from stretto.documents.plain import Json, is_list, is_mapping, kind_of
from stretto.documents.problems import Path, listing, suggest
from stretto.flow.drafts import DraftAgent, DraftPolicy, Use
from stretto.flow.graph import Checks, ConfidenceMethod, MoneyRule, Policy, ReviewRules, Thresholds, Topic
from stretto.flow.json_schema import misfits, schema_problems
from stretto.flow.reading import AGENT_NAME, Reader
from stretto.flow.templates import Constant

POLICY_KEYS = (
    "criteria", "persona", "rules", "topics", "first_time", "checks", "confidence", "approve", "reject", "by_content_type", "money",
    "sample", "review",
)  # fmt: skip
CHECK_KEYS = ("schema", "min_chars", "max_chars", "must_match", "must_not_match")
MONEY_KEYS = ("limit", "amount", "judge")
TOPIC_KEYS = ("keywords", "examples", "threshold")
REVIEW_KEYS = ("mandatory", "deadline", "on_deadline", "escalate_after", "escalate_to", "four_eyes", "bulk_from")
BUILT_IN_TOPICS = ("politics", "health", "finance", "legal")
"""Topics that are known without being described. A policy that names no topics has all of them."""
ROLES = ("owner", "admin", "reviewer")
"""Who may decide reviews."""
APPROVE, REJECT = 0.90, 0.70
"""From which confidence on a judge approves, and below which it rejects, where nothing says otherwise."""

MOST_CHARS = 10_000_000
MOST_SAMPLES = 20
_EXAMPLE = "publish: {criteria: Every claim has a source., topics: [health, legal]}"


def content_type_name(reader: Reader, path: Path, value: Json) -> str:
    """The name of a content type; empty with a problem noted."""
    name = reader.text(path, value, "`content_type`")
    if name is not None and not AGENT_NAME.fullmatch(name):
        reader.at_value(path, f"`{name[:80]}` cannot name a content type.", "Write it like `post` or `short_video`.")
        return ""
    return name or ""


def check_order(reader: Reader, path: Path, approve: float | None, reject: float | None) -> None:
    """Notes it when `reject` lies above `approve`."""
    approve, reject = APPROVE if approve is None else approve, REJECT if reject is None else reject
    if reject > approve:
        reader.at_value(
            path,
            f"`reject` ({reject:g}) is above `approve` ({approve:g}).",
            "Below `reject` is rejected, from `approve` on approved, and between the two escalated.",
        )


def read_policies(
    reader: Reader, document: Mapping[str, Json], agents: Mapping[str, DraftAgent] | None
) -> dict[str, DraftPolicy] | None:
    """The policies by name; None when they cannot be read."""
    raw = reader.mapping(("policies",), document.get("policies"), "`policies`", f"policies: {{{_EXAMPLE}}}")
    if raw is None:
        return None
    policies: dict[str, DraftPolicy] = {}
    for name, value in raw.items():
        path = ("policies", name)
        policies[name] = DraftPolicy(Policy(name), path)
        if not AGENT_NAME.fullmatch(name):
            reader.at_key(path, f"`{name[:80]}` cannot name a policy.", "Write it like `publish` or `pay_out`.")
        if isinstance(value, str) and value.strip():
            reader.at_value(
                path,
                f"the policy file `{value[:120]}` is not here to be read.",
                "Give the flow as a file beside its policies, or write the policy here.",
            )
            continue
        data = reader.mapping(path, value, f"policy `{name}`", _EXAMPLE)
        if data is not None:
            policies[name] = _PolicyReader(reader, path, name, agents).read(data)
    return policies


@dataclass(slots=True)
class _PolicyReader:
    """Reads one policy."""

    reader: Reader
    path: Path
    name: str
    agents: Mapping[str, DraftAgent] | None

    def read(self, data: dict[str, Json]) -> DraftPolicy:
        data = self.reader.known_keys(self.path, data, POLICY_KEYS, f"policy `{self.name}`")
        thresholds = read_thresholds(self.reader, self.path, data)
        method, samples = self._confidence(data.get("confidence", "stated"))
        money, uses = self._money(data["money"]) if "money" in data else (None, [])
        policy = Policy(
            name=self.name,
            criteria=self._texts("criteria", data.get("criteria", [])),
            persona=self._persona(data["persona"]) if "persona" in data else "",
            rules=self._texts("rules", data.get("rules", [])),
            topics=self._topics(data["topics"]) if "topics" in data else tuple(map(Topic, BUILT_IN_TOPICS)),
            first_time=self._first_time(data.get("first_time", "review")),
            checks=self._checks(data["checks"]) if "checks" in data else Checks(),
            confidence=method,
            samples=samples,
            thresholds=thresholds,
            by_content_type=self._by_content_type(data.get("by_content_type"), thresholds),
            money=money,
            sample=self._share(data["sample"]) if "sample" in data else 0.0,
            review=read_review_rules(self.reader, (*self.path, "review"), data["review"], "`review`")
            if "review" in data
            else ReviewRules(),
        )
        return DraftPolicy(policy, self.path, uses)

    def _share(self, value: Json) -> float:
        return self.reader.number((*self.path, "sample"), value, "`sample`", 0, 1) or 0.0

    def _first_time(self, value: Json) -> Literal["review", "pass"]:
        if value not in ("review", "pass"):
            self.reader.at_value(
                (*self.path, "first_time"),
                f"`first_time` is `review` or `pass`, but this is {kind_of(value)}.",
                "With `review`, a person sees the first of each content type.",
            )
        return "pass" if value == "pass" else "review"

    def _texts(self, key: str, value: Json) -> tuple[str, ...]:
        """One text, or a list of them."""
        return _texts(self.reader, (*self.path, key), value, f"`{key}`")

    def _persona(self, value: Json) -> str:
        path = (*self.path, "persona")
        text = self.reader.text(path, value, "`persona`")
        if text is not None and "\n" not in text:
            self.reader.at_value(
                path,
                f"the persona file `{text[:120]}` is not here to be read.",
                "Give the flow as a file beside it, or write the persona here after `|`, on lines of its own.",
            )
        return (text or "").strip()

    def _topics(self, value: Json) -> tuple[Topic, ...]:
        path = (*self.path, "topics")
        if is_list(value):
            return tuple(
                self._topic((*path, index), name, None, at_key=False)
                for index, name in enumerate(value)
                if self.reader.text((*path, index), name, "a topic") is not None
            )
        data = self.reader.mapping(path, value, "`topics`", "topics: [politics, health]")
        return tuple(self._topic((*path, name), name, topic, at_key=True) for name, topic in (data or {}).items())

    def _topic(self, path: Path, name: str, value: Json, *, at_key: bool) -> Topic:
        note = self.reader.at_key if at_key else self.reader.at_value
        if not AGENT_NAME.fullmatch(name):
            note(path, f"`{name[:80]}` cannot name a topic.", "Write it like `gambling`.")
        data = self.reader.mapping(path, value, f"topic `{name[:80]}`", f"{name[:40]}: {{keywords: [word, two words]}}")
        if data is None:
            return Topic(name)
        data = self.reader.known_keys(path, data, TOPIC_KEYS, f"topic `{name[:80]}`")
        topic = Topic(
            name,
            _texts(self.reader, (*path, "keywords"), data.get("keywords", []), "`keywords`"),
            _texts(self.reader, (*path, "examples"), data.get("examples", []), "`examples`"),
            self.reader.number((*path, "threshold"), data["threshold"], "`threshold`", 0, 1)
            if "threshold" in data
            else None,
        )
        if name not in BUILT_IN_TOPICS and not topic.keywords and not topic.examples:
            otherwise = f"Say by what it is known: `{name[:40]}: {{keywords: [word, two words], examples: [A sentence.]}}`; {listing(BUILT_IN_TOPICS)} are known already."
            note(
                path, f"topic `{name[:80]}` has no keywords and no examples.", suggest(name, BUILT_IN_TOPICS, otherwise)
            )
        return topic

    def _checks(self, value: Json) -> Checks:
        path = (*self.path, "checks")
        data = self.reader.mapping(path, value, "`checks`", "checks: {max_chars: 280, must_not_match: ['https?://']}")
        if data is None:
            return Checks()
        data = self.reader.known_keys(path, data, CHECK_KEYS, "`checks`")
        least, most = (self._chars((*path, key), data[key], key) if key in data else None for key in CHECK_KEYS[1:3])
        if least is not None and most is not None and least > most:
            self.reader.at_value(
                (*path, "min_chars"),
                f"`min_chars` ({least}) is above `max_chars` ({most}), so nothing passes.",
                "Make it smaller.",
            )
        return Checks(
            schema=self._schema((*path, "schema"), data["schema"]) if "schema" in data else None,
            min_chars=least,
            max_chars=most,
            must_match=self._patterns(path, "must_match", data),
            must_not_match=self._patterns(path, "must_not_match", data),
        )

    def _chars(self, path: Path, value: Json, key: str) -> int | None:
        return self.reader.whole(path, value, f"`{key}`", 0, MOST_CHARS)

    def _schema(self, path: Path, value: Json) -> Mapping[str, Json] | None:
        found = list(schema_problems(value, path))
        for where, is_key, message, remedy in found:
            (self.reader.at_key if is_key else self.reader.at_value)(where, message, remedy)
        return value if not found and is_mapping(value) else None

    def _patterns(self, path: Path, key: str, data: Mapping[str, Json]) -> tuple[str, ...]:
        patterns = _texts(self.reader, (*path, key), data.get(key, []), f"`{key}`")
        sound: list[str] = []
        for index, pattern in enumerate(patterns):
            if wrong := pattern_problem(pattern):
                where = (*path, key, index) if is_list(data.get(key)) else (*path, key)
                self.reader.at_value(
                    where,
                    f"`{pattern[:80]}` is no regular expression: {wrong}.",
                    "Escape signs that stand for themselves with `\\`.",
                )
            else:
                sound.append(pattern)
        return tuple(sound)

    def _confidence(self, value: Json) -> tuple[ConfidenceMethod, int]:
        path = (*self.path, "confidence")
        if value in ("stated", "logprobs"):
            return value, 1
        if value == "samples":
            return "samples", 3
        if not is_mapping(value):
            remedy = "Write `stated`, `logprobs` or `{samples: 3}`."
            self.reader.at_value(path, f"`confidence` is no method, but {kind_of(value)}.", remedy)
            return "stated", 1
        data = self.reader.known_keys(path, value, ("samples",), "`confidence`")
        count = self.reader.whole((*path, "samples"), data.get("samples", 3), "`samples`", 2, MOST_SAMPLES)
        return "samples", count or 3

    def _by_content_type(self, value: Json, above: Thresholds) -> dict[str, Thresholds]:
        path = (*self.path, "by_content_type")
        data = self.reader.mapping(path, value, "`by_content_type`", "by_content_type: {video: {approve: 0.95}}")
        found: dict[str, Thresholds] = {}
        for name, each in (data or {}).items():
            here = (*path, name)
            if not AGENT_NAME.fullmatch(name):
                self.reader.at_key(here, f"`{name[:80]}` cannot name a content type.", "Write it like `video`.")
            own = self.reader.mapping(here, each, f"`{name[:80]}`", f"{name[:40]}: {{approve: 0.95}}")
            if own is not None:
                own = self.reader.known_keys(here, own, ("approve", "reject"), f"`{name[:80]}`")
                found[name] = read_thresholds(self.reader, here, own, above)
        return found

    def _money(self, value: Json) -> tuple[MoneyRule | None, list[Use]]:
        path = (*self.path, "money")
        example = 'money: {limit: 50 usd, amount: "{{ amount }}", judge: cfo}'
        data = self.reader.mapping(path, value, "`money`", example)
        if data is None:
            return None, []
        data = self.reader.known_keys(path, data, MONEY_KEYS, "`money`")
        for key in ("limit", "amount"):
            if key not in data:
                self.reader.at_key(path, f"`money` has no `{key}`.", f"Write it like `{example}`.")
        limit = self.reader.money((*path, "limit"), data["limit"], "`limit`") if "limit" in data else None
        amount, uses = None, list[Use]()
        if "amount" in data:
            amount, uses = self.reader.template((*path, "amount"), data["amount"], "`amount`")
            if isinstance(amount, Constant):
                remedy = 'Read it from what the judge is given: `amount: "{{ amount }}"`.'
                self.reader.at_value((*path, "amount"), "`amount` is always the same.", remedy)
        judge = self._money_judge((*path, "judge"), data["judge"]) if "judge" in data else None
        if limit is None or amount is None:
            return None, uses
        return MoneyRule(limit, amount, judge), uses

    def _money_judge(self, path: Path, value: Json) -> str | None:
        name = self.reader.text(path, value, "`judge`")
        if name is None or self.agents is None:
            return None
        if name not in self.agents:
            otherwise = "" if self.agents else "Describe it under `agents:`."
            self.reader.at_value(path, f"there is no agent `{name[:80]}`.", suggest(name, self.agents, otherwise))
            return None
        check_judge(self.reader, path, self.agents[name])
        return name


def check_judge(reader: Reader, path: Path, agent: DraftAgent) -> None:
    """Notes it when an agent that judges does not return `Judgement`."""
    if agent.returns != "Judgement":
        given = f"`{agent.returns}`" if agent.returns else "text"
        reader.at_value(
            path,
            f"a judge's agent returns `Judgement`, but `{agent.name}` returns {given}.",
            f"Add `returns: Judgement` to agent `{agent.name}`.",
        )


def read_thresholds(
    reader: Reader, path: Path, data: Mapping[str, Json], above: Thresholds | None = None
) -> Thresholds:
    """`approve` and `reject` of a mapping; what it does not say is taken from `above` to see whether they fit together."""
    above = above or Thresholds()
    approve = reader.number((*path, "approve"), data["approve"], "`approve`", 0, 1) if "approve" in data else None
    reject = reader.number((*path, "reject"), data["reject"], "`reject`", 0, 1) if "reject" in data else None
    if "approve" in data or "reject" in data:
        key = "reject" if "reject" in data else "approve"
        check_order(
            reader,
            (*path, key),
            above.approve if approve is None else approve,
            above.reject if reject is None else reject,
        )
    return Thresholds(approve, reject)


def read_review_rules(reader: Reader, path: Path, value: Json, what: str) -> ReviewRules:
    """What holds for a review. One that is mandatory has no deadline action, by construction."""
    data = reader.mapping(path, value, what, "review: {deadline: 24h, on_deadline: approve, escalate_after: 4h}")
    if data is None:
        return ReviewRules()
    return review_rules(reader, path, reader.known_keys(path, data, REVIEW_KEYS, what), what)


def review_rules(reader: Reader, path: Path, data: Mapping[str, Json], what: str) -> ReviewRules:
    """The rules among the keys of a mapping."""
    mandatory = reader.flag((*path, "mandatory"), data["mandatory"], "`mandatory`") if "mandatory" in data else False
    action = data.get("on_deadline")
    if action is not None and action not in ("approve", "reject"):
        reader.at_value(
            (*path, "on_deadline"), f"`on_deadline` is `approve` or `reject`, but this is {kind_of(action)}."
        )
        action = None
    if mandatory and action is not None:
        reader.at_key(
            (*path, "on_deadline"),
            f"{what} is mandatory, so that no deadline decides it.",
            "Delete `on_deadline`, or `mandatory`; `escalate_after` tells somebody else in time.",
        )
        action = None
    to = data.get("escalate_to", "admin")
    if to not in ROLES:
        remedy = suggest(str(to), ROLES, f"The roles are {listing(ROLES)}.")
        reader.at_value((*path, "escalate_to"), f"`escalate_to` is a role, but this is {kind_of(to)}.", remedy)
        to = "admin"

    def seconds(key: str) -> float | None:
        return reader.duration((*path, key), data[key], f"`{key}`") if key in data else None

    return ReviewRules(
        mandatory=mandatory,
        deadline_s=seconds("deadline"),
        on_deadline=action,
        escalate_s=seconds("escalate_after"),
        escalate_to=to,
        four_eyes=reader.flag((*path, "four_eyes"), data["four_eyes"], "`four_eyes`") if "four_eyes" in data else False,
        bulk_from=reader.number((*path, "bulk_from"), data["bulk_from"], "`bulk_from`", 0, 1)
        if "bulk_from" in data
        else None,
    )


def pattern_problem(pattern: str) -> str:
    """Why a text is no regular expression that content can be checked against; empty when it is one."""
    try:
        misfits({"type": "string", "pattern": pattern}, "")
    except ValueError:
        return _reason(pattern)
    return ""


def _reason(pattern: str) -> str:
    """Python's words for what is wrong; the dialect of JSON Schema, which counts, has fewer."""
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return "JSON Schema has no such construct"


def _texts(reader: Reader, path: Path, value: Json, what: str) -> tuple[str, ...]:
    """One text, or a list of them."""
    if not is_list(value):
        text = reader.text(path, value, what)
        return () if text is None else (text.strip(),)
    found = [reader.text((*path, index), item, f"an entry of {what}") for index, item in enumerate(value)]
    return tuple(text.strip() for text in found if text is not None)
