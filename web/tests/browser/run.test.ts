import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closeBrowser, hasBrowser, openPage, startServer, startWire, type TestServer, violations } from "./server";

const DUET = {
  flow: "duet",
  input: { topic: { type: "string", default: "tides" } },
  agents: {
    writer: { model: "default", prompt: "Write four long paragraphs about {{ topic }}." },
    critic: { model: "default", prompt: "Is this clear? {{ segment }}" },
  },
  steps: {
    draft: { agent: "writer", input: { topic: "{{ input.topic }}" } },
    checks: { agent: "critic", each: { of: "draft", by: "paragraph" } },
  },
  output: "{{ draft }}",
};

interface Run {
  id: string;
  status: string;
  output: string;
}

describe.skipIf(!hasBrowser)("a run in the browser", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ env: { STRETTO_SIM_TOKENS_PER_S: "120" } });
  });
  afterAll(async () => {
    await closeBrowser();
    await server.stop();
  });

  const start = () => server.ask<Run>("POST", "/v1/runs", { flow: DUET, input: {} });
  const ended = async (id: string) => {
    for (;;) {
      const run = await server.ask<Run>("GET", `/v1/runs/${id}`);
      if (["completed", "failed", "cancelled"].includes(run.status)) return run;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };

  test("its text streams in, and a cut connection loses and repeats nothing", async () => {
    const wire = await startWire(server.url);
    const { page, close } = await openPage();
    try {
      const { id } = await start();
      await page.goto(`${wire.url}/runs/${id}`);
      const draft = page.getByRole("button", { name: /^draft,/ });
      await draft.click();
      const text = page.getByRole("region", { name: "Text of draft" });
      await expect.poll(async () => (await text.textContent())?.length ?? 0, { timeout: 15_000 }).toBeGreaterThan(20);
      for (let round = 0; round < 2; round++) {
        wire.cut();
        await page.getByText("connection lost, trying again").waitFor();
        wire.mend();
        await page.getByText("connection lost, trying again").waitFor({ state: "hidden" });
      }
      const run = await ended(id);
      expect(run.status).toBe("completed");
      await expect.poll(() => text.textContent(), { timeout: 15_000 }).toBe(run.output);
      await page.getByText("completed").first().waitFor();
      await expect.poll(() => page.getByRole("button", { name: /^checks\[/ }).count()).toBeGreaterThan(1);
    } finally {
      await close();
      await wire.stop();
    }
  });

  test("a run that is over is scrubbed through, and played again", async () => {
    const { id } = await start();
    const run = await ended(id);
    const { page, errors, close } = await openPage();
    try {
      await page.goto(`${server.url}/runs/${id}`);
      await page.getByRole("button", { name: /^draft,/ }).click();
      const text = page.getByRole("region", { name: "Text of draft" });
      await expect.poll(() => text.textContent()).toBe(run.output);
      const time = page.getByRole("slider", { name: "Time" });
      const end = Number(await time.getAttribute("max"));
      await time.fill(String(Math.round(end / 8 / 10) * 10)); // the draft takes the first third
      await expect.poll(async () => (await text.textContent())?.length ?? 0).toBeLessThan(run.output.length);
      const early = (await text.textContent()) ?? "";
      expect(run.output.startsWith(early)).toBe(true);
      await page.getByRole("combobox", { name: "Speed" }).selectOption("16");
      await page.getByRole("button", { name: "Play again" }).click();
      await expect.poll(() => text.textContent(), { timeout: 15_000 }).toBe(run.output);
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  });

  test("a run is forked with another text, and the fork is compared with it", async () => {
    const { id } = await start();
    await ended(id);
    const { page, errors, close } = await openPage();
    try {
      await page.goto(`${server.url}/runs/${id}`);
      await page.getByRole("button", { name: /^draft,/ }).click();
      await page.getByRole("button", { name: "Fork…" }).click();
      const dialog = page.getByRole("dialog");
      let read = () => {};
      const asked = new Promise<void>((resolve) => {
        read = resolve;
      });
      await page.route("**/steps/draft", async (route) => {
        await asked;
        await route.continue();
      });
      await dialog.getByLabel("What changes").selectOption("output");
      const output = dialog.getByLabel("Output of draft");
      expect(await output.isDisabled()).toBe(true); // what is typed now would stand beside what comes
      read();
      await output.fill("Another draft.\n\nIn two paragraphs.");
      await dialog.getByRole("button", { name: "Fork" }).click();
      await page.waitForURL((url) => url.pathname.startsWith("/runs/") && !url.pathname.endsWith(id));
      const fork = await ended(page.url().split("/").pop() ?? "");
      expect(fork.output).toBe("Another draft.\n\nIn two paragraphs.");
      await page.getByRole("link", { name: /compare/ }).click();
      await page.getByRole("region", { name: "Score: one line for each voice" }).nth(1).waitFor();
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  });

  test("a past run is found by what is to be done", async () => {
    const flow = { ...DUET, flow: "study", remember: "What moves the {{ input.topic }}?" };
    const made = await server.ask<Run>("POST", "/v1/runs", { flow, input: { topic: "tides" } });
    await ended(made.id);
    const { page, errors, close } = await openPage();
    try {
      await page.goto(server.url);
      await page.getByRole("button", { name: "Find by task…" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("What is to be done?").fill("Why do the tides move?");
      await expect // a run is remembered a little after its end
        .poll(
          async () => {
            await dialog.getByRole("button", { name: "Find" }).click();
            await dialog.getByText("Looking…").waitFor({ state: "hidden" });
            return dialog.getByRole("link").count();
          },
          { timeout: 20_000, interval: 300 },
        )
        .toBe(1);
      expect(await dialog.getByRole("link").textContent()).toContain("What moves the tides?study");
      expect(await violations(page)).toEqual([]);
      await dialog.getByRole("link").click();
      await page.waitForURL((url) => url.pathname === `/runs/${made.id}`);
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  });

  test("a run that was cancelled is resumed, and its page goes along", async () => {
    const { id } = await start();
    const { page, close } = await openPage();
    try {
      await page.goto(`${server.url}/runs/${id}`);
      await page.getByRole("button", { name: "Fork…" }).click();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      await expect
        .poll(() => page.evaluate(() => document.activeElement?.textContent)) // focus goes back to what opened it
        .toBe("Fork…");
      await page.getByRole("button", { name: "Cancel…" }).click();
      await page.getByRole("button", { name: "Cancel the run" }).click();
      await page.getByText("cancelled").first().waitFor();
      await page.getByRole("button", { name: "Resume" }).click();
      await page.getByText("completed").first().waitFor({ timeout: 30_000 });
      const run = await ended(id);
      await page.getByRole("button", { name: /^draft,/ }).click();
      await expect.poll(() => page.getByRole("region", { name: "Text of draft" }).textContent()).toContain(run.output);
    } finally {
      await close();
    }
  }, 60_000);

  test("axe finds nothing wrong, in light and dark", async () => {
    const { id } = await start();
    await ended(id);
    for (const colorScheme of ["light", "dark"] as const) {
      const { page, close } = await openPage({ colorScheme });
      try {
        await page.goto(`${server.url}/runs/${id}`);
        await page.getByRole("button", { name: /^draft,/ }).click();
        await page.getByRole("region", { name: "Text of draft" }).waitFor();
        expect(await violations(page)).toEqual([]);
        await page.getByRole("tab", { name: "Facts" }).click();
        expect(await violations(page)).toEqual([]);
        await page.goto(`${server.url}/`);
        await page.getByRole("link", { name: "duet" }).first().waitFor();
        expect(await violations(page)).toEqual([]);
      } finally {
        await close();
      }
    }
  });
});
