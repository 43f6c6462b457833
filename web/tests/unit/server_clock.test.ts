import { afterEach, expect, test } from "vitest";
import { noteServerTime, serverNow } from "@/api/server_clock";

afterEach(() => noteServerTime(new Date().toUTCString()));

test("a clock that is an hour off is set right by what the server says", () => {
  const now = Date.now();
  noteServerTime(new Date(now - 3_600_000).toUTCString(), now);
  expect(Math.abs(serverNow() - (Date.now() - 3_600_000))).toBeLessThan(1_500);
});

test("whole seconds and the way of an answer move nothing", () => {
  const now = Date.now();
  noteServerTime(new Date(now - 3_600_000).toUTCString(), now);
  const before = serverNow() - Date.now();
  noteServerTime(new Date(now - 3_598_000).toUTCString(), now);
  expect(serverNow() - Date.now()).toBe(before);
  noteServerTime(new Date(now - 2_000).toUTCString(), now);
  expect(Math.abs(serverNow() - Date.now())).toBeLessThan(5);
});

test("an answer without a time, or with no time in it, changes nothing", () => {
  noteServerTime(null);
  noteServerTime("soon");
  expect(Math.abs(serverNow() - Date.now())).toBeLessThan(5);
});
