import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closeBrowser, hasBrowser, openPage, startServer, type TestServer, violations } from "./server";

const WRONG = "flow: echo\nsteps:\n  say: {tool: noop, input: {text: '{{ input.topic }}'}}\n";
const RIGHT = WRONG.replace(
  "steps:",
  "input: {topic: {type: string, maxLength: 8}, times: {type: integer, default: 1}}\nsteps:",
);

describe.skipIf(!hasBrowser)("flows in the browser", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(async () => {
    await closeBrowser();
    await server.stop();
  });

  test("a flow is written, mended at its line, stored, drawn, changed and compared", async () => {
    const { page, errors, close } = await openPage();
    try {
      await page.goto(`${server.url}/flows`);
      await page.getByRole("button", { name: "New flow" }).click();
      const text = page.getByLabel("The flow's text");
      await text.fill(WRONG);
      await page.getByRole("button", { name: "line 3" }).waitFor();
      await expect.poll(() => page.getByRole("button", { name: "Store" }).isDisabled()).toBe(true);
      expect(await violations(page)).toEqual([]);
      await text.fill(RIGHT);
      await page.getByText("echo is a flow.").waitFor();
      await page.getByRole("button", { name: "Store" }).click();
      await page.waitForURL("**/flows/echo");
      await page.getByRole("application", { name: "Graph of the flow" }).getByText("say", { exact: true }).waitFor();
      expect(await violations(page)).toEqual([]);
      await page.getByRole("button", { name: "Edit" }).click();
      await text.fill(RIGHT.replace("maxLength: 8", "maxLength: 9"));
      await page.getByText("echo is a flow.").waitFor();
      await page.getByRole("button", { name: "Store" }).click();
      await page.getByText("version 2", { exact: true }).waitFor();
      await page.getByRole("tab", { name: "Versions" }).click();
      const difference = page.getByRole("region", { name: "From version 1 to 2" });
      await expect.poll(() => difference.locator("del").allTextContents()).toEqual(["    maxLength: 8"]);
      await expect.poll(() => difference.locator("ins").allTextContents()).toEqual(["    maxLength: 9"]);
      expect(await violations(page)).toEqual([]);
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  });

  test("the form made from the schema says what is wrong at its field, and starts the run", async () => {
    await server.ask("POST", "/v1/flows", {
      flow: "greet",
      input: { topic: { type: "string", maxLength: 8 }, times: { type: "integer", maximum: 3, default: 1 } },
      steps: { say: { tool: "noop", input: { text: "{{ input.topic }}" } } },
    });
    const { page, errors, close } = await openPage();
    try {
      await page.goto(`${server.url}/flows/greet#start`);
      await page.getByRole("button", { name: "Start", exact: true }).click();
      await page.getByText("This is needed.").waitFor();
      await expect
        .poll(() => page.getByLabel("topic").evaluate((field) => field === document.activeElement))
        .toBe(true);
      await page.getByLabel("topic").fill("far too long");
      await page.getByText("At most 8 characters; these are 12.").waitFor();
      await page.getByLabel("topic").fill("tides");
      await page.getByLabel("times").fill("4");
      await page.getByText("At most 3.").waitFor();
      expect(await violations(page)).toEqual([]);
      await page.getByLabel("times").fill("2");
      await page.keyboard.press("Enter");
      await page.waitForURL("**/runs/*");
      const run = await server.ask<{ input: unknown }>("GET", `/v1/runs/${page.url().split("/").at(-1)}`);
      expect(run.input).toEqual({ topic: "tides", times: 2 });
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  });

  test("a schedule is made, rests, and is removed only after a question", async () => {
    await server.ask("POST", "/v1/flows", { flow: "tick", steps: { say: { tool: "noop" } } });
    const { page, errors, close } = await openPage({ viewport: { width: 360, height: 740 } });
    const kept = async () =>
      (await server.ask<{ schedules: { name: string; paused: boolean }[] }>("GET", "/v1/schedules")).schedules;
    try {
      await page.goto(`${server.url}/schedules`);
      await page.getByRole("button", { name: "New schedule" }).click();
      await page.getByLabel("Name").fill("mornings");
      await page.getByLabel("Flow", { exact: true }).selectOption("tick");
      await page.getByText("at 9:00, Monday to Friday").waitFor();
      await page.getByRole("button", { name: "Store" }).click();
      await page.getByRole("heading", { name: "mornings" }).waitFor();
      await page.getByRole("button", { name: "Pause" }).click();
      await page.getByText("paused").waitFor();
      await expect
        .poll(async () => (await kept()).map(({ name, paused }) => [name, paused]))
        .toEqual([["mornings", true]]);
      expect(await violations(page)).toEqual([]);
      await page.getByRole("button", { name: "Remove mornings" }).click();
      expect(await kept()).toHaveLength(1);
      await page.getByRole("button", { name: "Remove", exact: true }).click();
      await page.getByText("No flow starts by the clock yet.").waitFor();
      await expect.poll(kept).toEqual([]);
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  });
});
