import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closeBrowser, hasBrowser, openPage, startServer, type TestServer, violations } from "./server";

const flowNamed = (flow: string) => ({
  flow,
  input: { text: { type: "string" }, score: { type: "object" }, media: { type: "array", default: [] } },
  steps: {
    asked: {
      review: {
        show: "{{ input.text }}",
        question: "Shall this go out?",
        because: "{{ input.score }}",
        media: "{{ input.media }}",
      },
    },
  },
  output: "{{ asked.verdict }}: {{ asked.value }}",
});

interface Review {
  id: string;
  run_id: string;
  excerpt: string;
  state: string;
  verdict: string;
  version: number;
}

describe.skipIf(!hasBrowser)("the review inbox in the browser", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(async () => {
    await closeBrowser();
    await server.stop();
  });

  const reviews = async (flow: string, state = "open") =>
    (await server.ask<{ reviews: Review[] }>("GET", `/v1/reviews?flow=${flow}&state=${state}`)).reviews;

  /** Asks for each text, the least confident first as the inbox has it. */
  const ask = async (flow: string, texts: [string, number][], media: string[] = []) => {
    const before = (await reviews(flow)).length;
    for (const [text, confidence] of texts) {
      const score = { verdict: "escalate", confidence, method: "stated", judge: "critic", reasons: ["No source."] };
      await server.ask("POST", "/v1/runs", { flow: flowNamed(flow), input: { text, score, media } });
    }
    await expect.poll(async () => (await reviews(flow)).length, { timeout: 15_000 }).toBe(before + texts.length);
  };

  const decided = (flow: string) =>
    expect.poll(
      async () =>
        Object.fromEntries((await reviews(flow, "decided")).map((review) => [review.excerpt, review.verdict])),
      { timeout: 20_000 },
    );

  const open = async (flow: string, options = {}) => {
    const at = await openPage(options);
    await at.page.clock.install();
    await at.page.goto(`${server.url}/reviews?flow=${flow}`);
    await at.page.getByRole("list", { name: "Reviews" }).waitFor();
    return at;
  };

  /** Lets the five seconds pass in which a decision can be taken back. */
  const wait = (page: Page) => page.clock.runFor(5_500);

  const reads = (page: Page, text: string) => page.getByRole("region", { name: "Content" }).getByText(text).waitFor();

  test("one goes through it by keyboard, and takes back what was a slip", async () => {
    await ask("keys", [
      ["first", 0.5],
      ["second", 0.6],
      ["third", 0.7],
    ]);
    const { page, errors, close } = await open("keys");
    try {
      await reads(page, "first");
      await page.keyboard.press("j");
      await reads(page, "second");
      await page.keyboard.press("k");
      await reads(page, "first");
      await page.keyboard.press("a");
      await reads(page, "second"); // the next one comes by itself
      await page.keyboard.press("u");
      await reads(page, "first");
      await page.keyboard.press("r");
      await page.getByLabel("Why not?").fill("a and u mean nothing here");
      await page.keyboard.press("Control+Enter");
      await reads(page, "second");
      await page.keyboard.press("c");
      await page.getByLabel("What should be changed?").pressSequentially("axu");
      await page.keyboard.press("Escape");
      await page.keyboard.press("a");
      await reads(page, "third");
      await wait(page);
      await decided("keys").toEqual({ first: "reject", second: "approve" });
      await page.keyboard.press("?");
      await page.getByRole("dialog", { name: "Keys" }).waitFor();
      await page.keyboard.press("a"); // a dialog is open: nothing is decided
      await page.keyboard.press("Escape");
      await reads(page, "third");
      expect(await page.getByText("Approved: “").count()).toBe(0);
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  });

  test("what is undone is never sent, and what is left open is sent by leaving", async () => {
    await ask("leaving", [
      ["one", 0.5],
      ["two", 0.6],
    ]);
    const { page, close } = await open("leaving");
    const sent: string[] = [];
    page.on("request", (request) => request.url().endsWith("/decision") && sent.push(request.url()));
    try {
      await reads(page, "one");
      await page.keyboard.press("a");
      await reads(page, "two");
      await page.getByRole("button", { name: "Undo" }).click();
      await reads(page, "one");
      await page.keyboard.press("j");
      await reads(page, "two");
      await page.keyboard.press("a");
      await page.getByText("Approved: “").waitFor();
      expect(sent).toEqual([]);
      await page.goto("about:blank"); // within the five seconds
      await decided("leaving").toEqual({ two: "approve" });
      expect((await reviews("leaving")).map((review) => review.excerpt)).toEqual(["one"]);
    } finally {
      await close();
    }
  });

  test("many are decided at once, and those that were left tell why", async () => {
    await ask("many", [
      ["doubtful", 0.6],
      ["sure", 0.9],
      ["surer", 0.95],
    ]);
    const { page, errors, close } = await open("many");
    try {
      await reads(page, "doubtful");
      for (const key of ["x", "j", "x", "j", "x"]) await page.keyboard.press(key);
      await page.getByText("3 selected").waitFor();
      await page.keyboard.press("Shift+A");
      await wait(page);
      await decided("many").toEqual({ sure: "approve", surer: "approve" });
      const left = page.getByRole("status", { name: "Left as they are" });
      await left.getByText("its confidence is 0.6, less than 0.85").waitFor();
      await left.getByRole("button", { name: "doubtful" }).click();
      await reads(page, "doubtful");
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  });

  test("an edit is seen beside its diff and goes on as it was edited", async () => {
    await ask("edits", [["It rises by sixteen metres.", 0.5]]);
    const { page, errors, close } = await open("edits");
    try {
      await reads(page, "sixteen");
      await page.keyboard.press("e");
      await page.getByLabel("What goes on").fill("It rises by 16 metres.");
      const diff = page.getByRole("region", { name: "What was changed" });
      await expect.poll(() => diff.locator("ins").allTextContents()).toEqual(["16"]);
      await expect.poll(() => diff.locator("del").allTextContents()).toEqual(["sixteen"]);
      await page.getByText("You have it in hand").waitFor(); // whoever begins to work on it holds it
      await page.keyboard.press("Control+Enter");
      await wait(page);
      await decided("edits").toEqual({ "It rises by sixteen metres.": "approve" });
      const [review] = await reviews("edits", "decided");
      await expect
        .poll(async () => (await server.ask<{ output: unknown }>("GET", `/v1/runs/${review?.run_id}`)).output)
        .toBe("approve: It rises by 16 metres.");
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  });

  test("what somebody else decided meanwhile is put back with who and when", async () => {
    await ask("late", [
      ["contested", 0.5],
      ["other", 0.6],
    ]);
    const { page, close } = await open("late");
    try {
      await reads(page, "contested");
      const [review] = await reviews("late");
      await page.keyboard.press("a");
      await reads(page, "other");
      await server.ask("POST", `/v1/reviews/${review?.id}/decision`, { verdict: "reject", comments: "no" });
      await wait(page);
      await page.getByText(/Not decided\. .*decided already: reject by/).waitFor();
      expect((await reviews("late", "decided"))[0]?.verdict).toBe("reject");
    } finally {
      await close();
    }
  });

  test("what arrives does not move what is read, and media are loaded only when asked for", async () => {
    const picture = `${server.url}/favicon.svg?reviewed`;
    await ask("live", [["steady", 0.9]], [picture]);
    const { page, errors, close } = await open("live");
    const loaded: string[] = [];
    page.on("request", (request) => request.url() === picture && loaded.push(request.url()));
    try {
      await reads(page, "steady");
      await ask("live", [["newer", 0.3]]);
      await page.getByRole("list", { name: "Reviews" }).getByText("newer").waitFor();
      await reads(page, "steady");
      expect(loaded).toEqual([]);
      await page.getByRole("button", { name: `Load the picture from ${new URL(server.url).host}` }).click();
      await page.getByRole("img", { name: "What the content names" }).waitFor();
      expect(loaded).toEqual([picture]);
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  });

  test("filters are in the address and kept under a name; nothing left tells what was decided today", async () => {
    await ask("kept", [["waits", 0.5]]);
    const { page, errors, close } = await open("kept");
    try {
      await page.getByRole("button", { name: "urgent" }).click();
      await page.getByText("Nothing that waits is like that.").waitFor();
      expect(new URL(page.url()).searchParams.get("urgent")).toBe("true");
      await page.getByRole("button", { name: "Save view" }).click();
      await page.getByLabel("Name of the view").fill("hot");
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Clear" }).click();
      await page.reload();
      await page.getByRole("list", { name: "Reviews" }).waitFor();
      await page.keyboard.press("/");
      await page.getByLabel("Saved views").selectOption("hot");
      await expect.poll(() => new URL(page.url()).searchParams.get("flow")).toBe("kept");
      const open = await server.ask<{ reviews: Review[] }>("GET", "/v1/reviews?limit=200");
      for (const review of open.reviews) {
        await server.ask("POST", `/v1/reviews/${review.id}/decision`, { verdict: "reject", comments: "no" });
      }
      await page.goto(`${server.url}/reviews`);
      await page.getByText("Nothing waits for you.").waitFor();
      await page.getByText("Decided today:").waitFor();
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  });

  test.each([
    ["light", 1280],
    ["dark", 360],
  ] as const)("axe finds nothing, and nothing scrolls sideways (%s, %i)", async (colorScheme, width) => {
    const flow = `axe-${width}`;
    await ask(flow, [["Look at this.", 0.5]], ["https://cdn.example.com/a.png"]);
    const { page, errors, close } = await open(flow, { colorScheme, viewport: { width, height: 760 } });
    const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
    try {
      expect(await violations(page)).toEqual([]);
      await expect.poll(fits).toBe(true);
      await page.keyboard.press("Enter");
      await reads(page, "Look at this.");
      expect(await violations(page)).toEqual([]);
      await page.keyboard.press("e");
      await page.getByRole("region", { name: "What was changed" }).waitFor();
      await page.getByText("You have it in hand").waitFor();
      expect(await violations(page)).toEqual([]);
      await expect.poll(fits).toBe(true);
      await page.keyboard.press("Escape");
      await page.keyboard.press("l");
      await page.getByRole("dialog").waitFor();
      expect(await violations(page)).toEqual([]);
      await page.goto(`${server.url}/reviews/figures`);
      await page.getByText("Waiting now").waitFor();
      expect(await violations(page)).toEqual([]);
      await expect.poll(fits).toBe(true);
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  });
});
