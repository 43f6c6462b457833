import fc from "fast-check";
import { expect, test } from "vitest";
import { holder, isUrgent, laterTimes, left } from "@/reviews/clocks";
import { editable, edited, judged, mediaOf } from "@/reviews/content";
import { howMany, NONE, read, savedViews, saveView, written } from "@/reviews/filters";
import { commandOf, type Press, SHORTCUTS } from "@/reviews/keys";
import { after, keptInPlace, stepped } from "@/reviews/places";

const press = (key: string, more: Partial<Press> = {}): Press => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  repeat: false,
  tag: "BODY",
  writes: false,
  ownArrows: false,
  ...more,
});

test("each key means one thing", () => {
  const keys = SHORTCUTS.flatMap((each) => each.keys);
  expect(new Set(keys).size).toBe(keys.length);
  for (const each of SHORTCUTS) for (const key of each.keys) expect(commandOf(press(key))).toBe(each.command);
});

test("keys do nothing while one types, or with Ctrl, and holding one down decides once", () => {
  for (const tag of ["INPUT", "TEXTAREA", "SELECT"]) expect(commandOf(press("a", { tag }))).toBeNull();
  expect(commandOf(press("a", { writes: true }))).toBeNull();
  expect(commandOf(press("r", { ctrlKey: true }))).toBeNull();
  expect(commandOf(press("Enter", { tag: "BUTTON" }))).toBeNull();
  expect(commandOf(press("a", { tag: "BUTTON" }))).toBe("approve");
  expect(commandOf(press("a", { repeat: true }))).toBeNull();
  expect(commandOf(press("j", { repeat: true }))).toBe("next");
  expect(commandOf(press("ArrowDown", { ownArrows: true }))).toBeNull();
  expect(commandOf(press("j", { ownArrows: true }))).toBe("next");
});

test("what was on top stays in place while rows come and go above and below it", () => {
  const ids = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 40 });
  fc.assert(
    fc.property(ids, ids, fc.nat({ max: 1_000 }), (one, other, top) => {
      const before = one.map(String);
      const now = other.map(String);
      const scrollTop = Math.min(top, before.length * 10);
      const first = Math.floor(scrollTop / 10);
      const stays = before.slice(first).find((id) => now.includes(id));
      const kept = keptInPlace(before, now, scrollTop, 10);
      if (stays === undefined) expect(kept.scrollTop).toBeLessThanOrEqual(now.length * 10);
      else {
        expect(Math.floor(kept.scrollTop / 10)).toBe(now.indexOf(stays));
        expect(kept.scrollTop % 10).toBe(scrollTop % 10);
      }
    }),
  );
  expect(keptInPlace(["b", "c"], ["a", "b", "c"], 0, 10)).toEqual({ scrollTop: 10, above: 1 });
  expect(keptInPlace(["a", "b"], ["b"], 0, 10)).toEqual({ scrollTop: 0, above: 0 });
});

test("after a decision the next one is read, or the one before at the end", () => {
  const ids = ["a", "b", "c", "d"];
  expect(after(ids, "b", new Set(["b"]))).toBe("c");
  expect(after(ids, "b", new Set(["b", "c"]))).toBe("d");
  expect(after(ids, "d", new Set(["d"]))).toBe("c");
  expect(after(ids, "a", new Set(ids))).toBeNull();
  expect(stepped(ids, null, 1)).toBe("a");
  expect(stepped(ids, "a", -1)).toBe("a");
  expect(stepped(ids, "d", 1)).toBe("d");
  expect(stepped(ids, "b", 1)).toBe("c");
  expect(stepped([], null, 1)).toBeNull();
});

test("clocks count down", () => {
  expect(left(249_000)).toBe("4:09");
  expect(left(1)).toBe("0:01");
  expect(left(-5)).toBe("now");
  expect(left(3 * 3_600_000 + 12 * 60_000)).toBe("3 h 12 min");
  expect(left(3 * 86_400_000 + 7_200_000)).toBe("3 d 2 h");
  const now = Date.parse("2026-11-21T10:00:00Z");
  expect(isUrgent({ due_at: "2026-11-21T10:59:59Z", escalated_at: null }, now)).toBe(true);
  expect(isUrgent({ due_at: "2026-11-21T11:00:01Z", escalated_at: null }, now)).toBe(false);
  expect(isUrgent({ due_at: null, escalated_at: "2026-11-20T10:00:00Z" }, now)).toBe(true);
  expect(holder({ claimed_by: "ann", claimed_until: "2026-11-21T10:00:01Z" }, now)).toBe("ann");
  expect(holder({ claimed_by: "ann", claimed_until: "2026-11-21T09:59:59Z" }, now)).toBeNull();
});

test("something can be put off to times to come only, each later than the one before", () => {
  fc.assert(
    fc.property(fc.date({ min: new Date(2020, 0), max: new Date(2040, 0), noInvalidDate: true }), (now) => {
      const times = laterTimes(now).map((each) => each.at.getTime());
      expect(Math.min(...times)).toBeGreaterThan(now.getTime());
      expect(Math.max(...times) - now.getTime()).toBeLessThan(30 * 86_400_000);
    }),
  );
});

test("filters come back from the address as they were", () => {
  const filters = fc.record({
    state: fc.constantFrom("open" as const, "decided" as const, "withdrawn" as const),
    flow: fc.string({ maxLength: 20 }),
    policy: fc.string({ maxLength: 20 }),
    content_type: fc.string({ maxLength: 20 }),
    mine: fc.boolean(),
    unassigned: fc.boolean(),
    unclaimed: fc.boolean(),
    sensitive: fc.boolean(),
    urgent: fc.boolean(),
    snoozed: fc.boolean(),
  });
  fc.assert(
    fc.property(filters, (each) => {
      expect(read(written(each))).toEqual(each);
    }),
  );
  expect(read({ state: "nonsense", flow: 7, mine: "true", sensitive: "maybe", item: "x" })).toEqual({
    ...NONE,
    flow: "7",
    mine: true,
  });
  expect(howMany({ ...NONE, flow: "x", mine: true })).toBe(2);
});

test("views are kept under their names, whatever else stands in the storage", () => {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  saveView(storage, "mine", { ...NONE, mine: true });
  saveView(storage, "a flow", { ...NONE, flow: "publish" });
  saveView(storage, "mine", { ...NONE, mine: true, urgent: true });
  expect(savedViews(storage)).toEqual([
    { name: "a flow", filters: { flow: "publish" } },
    { name: "mine", filters: { mine: true, urgent: true } },
  ]);
  expect(saveView(storage, "a flow", null).map((view) => view.name)).toEqual(["mine"]);
  for (const nonsense of ["{", "7", '[null, {"name": 1}, {"name": "x"}]']) {
    expect(savedViews({ getItem: () => nonsense })).toEqual([]);
  }
});

test("content is edited as text or as JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (content) => {
      const made = edited(content, editable(content));
      expect(JSON.stringify("value" in made ? made.value : made)).toBe(JSON.stringify(content));
    }),
  );
  expect(edited({ a: 1 }, "{a}")).toHaveProperty("wrong");
  expect(edited("{", "{oops")).toEqual({ value: "{oops" });
});

test("media are found in what was given and in the content, and tell their host", () => {
  const origin = "http://127.0.0.1:8700";
  const given = [
    "https://cdn.example.com/a.png",
    { url: "https://v.example.com/clip", type: "video/mp4" },
    { src: "javascript:alert(1)" },
    "http://plain.example.com/a.png",
    7,
  ];
  const content = {
    pictures: ["https://cdn.example.com/a.png", "https://cdn.example.com/b.mp3?x=1"],
    text: "see a.png",
  };
  expect(mediaOf(given, content, origin)).toEqual([
    { url: "https://cdn.example.com/a.png", kind: "image", host: "cdn.example.com", shows: true },
    { url: "https://v.example.com/clip", kind: "video", host: "v.example.com", shows: true },
    { url: "http://plain.example.com/a.png", kind: "image", host: "plain.example.com", shows: false },
    { url: "https://cdn.example.com/b.mp3?x=1", kind: "audio", host: "cdn.example.com", shows: true },
  ]);
  expect(mediaOf([], `${origin}/favicon.svg`, origin)[0]?.shows).toBe(true);
  expect(mediaOf([], "https://example.com/page", origin)).toEqual([]);
});

test("why it came is read from what the judge said, whatever is missing", () => {
  expect(judged(null)).toBeNull();
  expect(judged("because")).toBeNull();
  expect(judged({ colour: "red" })).toBeNull();
  expect(
    judged({
      verdict: "escalate",
      confidence: 0.7,
      comments: "A number without a source.",
      flags: [{ topic: "health", how: "keyword", found: ["dose"] }, 3],
    }),
  ).toEqual({
    verdict: "escalate",
    confidence: 0.7,
    stated: null,
    method: "",
    calibrated: false,
    reasons: ["A number without a source."],
    flags: [{ topic: "health", how: "keyword", found: "dose", score: null }],
  });
});
