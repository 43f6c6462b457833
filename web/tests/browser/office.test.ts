import { createServer, type Server } from "node:http";
import { hostname } from "node:os";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { closeBrowser, hasBrowser, openPage, startServer, type TestServer, violations } from "./server";

afterAll(closeBrowser);

const CONFIG = `
deployments:
  dear: {provider: simulated, model: any, price: {input: 1, output: 1000}, limits: {concurrency: 4}}
routes: {default: {deployments: [dear], cache: {exact: 1h}}}
default_route: default
budgets: {month: 100 usd}
`;
const WRITER = {
  flow: "writer",
  agents: { writer: { model: "default", prompt: "Write a paragraph about {{ item }}." } },
  steps: { told: { agent: "writer", input: { item: "tides" } } },
  output: "{{ told }}",
};

describe.skipIf(!hasBrowser)("usage, the fleet and settings", () => {
  let server: TestServer;
  let receiver: Server;
  let hook: string;
  const received: string[] = [];

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      let text = "";
      request.on("data", (piece: Buffer) => {
        text += piece.toString();
      });
      request.on("end", () => {
        received.push(JSON.parse(text).type);
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    const address = receiver.address();
    if (address === null || typeof address === "string") throw new Error("The receiver has no port.");
    hook = `http://127.0.0.1:${address.port}/hook`;
    server = await startServer({ config: CONFIG });
    await server.ask("POST", "/v1/runs", { flow: WRITER, input: {} });
    await vi.waitFor(
      async () => {
        const { total } = await server.ask<{ total: { calls: number } }>("GET", "/v1/usage?by=");
        expect(total.calls).toBe(1);
      },
      { timeout: 30_000, interval: 200 },
    );
  });
  afterAll(async () => {
    await server.stop();
    await new Promise((resolve) => receiver.close(resolve));
  });

  async function on(path: string, look: (page: Page) => Promise<void>): Promise<void> {
    const { page, errors, close } = await openPage({ permissions: ["clipboard-read", "clipboard-write"] });
    try {
      await page.goto(server.url + path);
      await look(page);
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  }

  test("usage: the chart and the tables say what the ledger says; CSV is the server's", async () => {
    const { total } = await server.ask<{ total: { tokens: { output: number } } }>("GET", "/v1/usage?by=");
    await on("/usage", async (page) => {
      const table = page.getByRole("table", { name: "Usage by model" });
      await table.waitFor();
      await page
        .getByRole("img", { name: /^A chart of cost by day/ })
        .locator("canvas")
        .waitFor();
      const last = table.getByRole("row").last();
      await expect
        .poll(() => last.getByRole("cell").last().textContent())
        .toBe(total.tokens.output.toLocaleString("en-US"));
      await page.getByText(/answered by the simulated provider/).waitFor();
      expect(await violations(page)).toEqual([]);

      await page.getByLabel("Told apart by").selectOption("agent");
      await page.getByLabel("What is shown").selectOption("calls");
      await page.getByRole("table", { name: "Usage by agent" }).getByRole("rowheader", { name: "writer" }).waitFor();
      expect(page.url()).toContain("by=agent");
      const [file] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name: "CSV" }).click(),
      ]);
      expect(file.suggestedFilename()).toMatch(/^usage-by-agent-since-\d{4}-\d\d-\d\d\.csv$/);
      let text = "";
      for await (const piece of await file.createReadStream()) text += piece.toString();
      expect(text.split("\n")[0]).toMatch(/^day,agent,calls,/);
      expect(text.split("\n")[1]).toMatch(/^\d{4}-\d\d-\d\d,writer,\d+,/);
    });
  });

  test("limits: what is left of the budget, and no pace before a whole day", async () => {
    await on("/usage/limits", async (page) => {
      await page.getByRole("meter", { name: "Left of the month’s budget" }).waitFor();
      await page.getByText("no pace yet").waitFor();
      await page.getByRole("table", { name: "How deployments are doing" }).getByText("dear").waitFor();
      expect(await violations(page)).toEqual([]);
    });
  });

  test("the fleet: a worker is alive, and what the agent did is counted", async () => {
    await on("/fleet", async (page) => {
      const workers = page.getByRole("table", { name: "Workers" });
      await workers.getByText("alive").waitFor();
      await workers.getByRole("cell", { name: hostname(), exact: true }).waitFor();
      await page.getByRole("rowheader", { name: "writer" }).waitFor();
      await page.getByText(/^None: every event was taken/).waitFor();
      expect(await violations(page)).toEqual([]);
    });
  });

  test("dead letters are seen, one is dropped, the others are sent again together", async () => {
    const letters = async () =>
      (await server.ask<{ letters: unknown[] }>("GET", "/v1/events/dead-letters")).letters.length;
    const consumer = server.script("refusing.py");
    const gone = new Promise((resolve) => consumer.once("exit", resolve));
    try {
      await expect
        .poll(() => server.ask<{ groups: unknown[] }>("GET", "/v1/events/groups"), { timeout: 20_000 })
        .toMatchObject({ groups: [{ group: "billing", members: 1 }] });
      for (let runs = 0; runs < 3; runs++) await server.ask("POST", "/v1/runs", { flow: WRITER, input: {} });
      await expect.poll(letters, { timeout: 20_000 }).toBe(3);
      await on("/fleet", async (page) => {
        const list = page.getByRole("table", { name: "Dead letters" });
        await list.getByRole("button", { name: "stretto.run.completed" }).first().click();
        await page
          .getByRole("region", { name: "Error" })
          .getByText(/the amount is missing/)
          .waitFor();
        await page.getByRole("button", { name: "Drop…" }).click();
        await page.getByRole("button", { name: "Drop", exact: true }).click();
        await page.getByText("Dropped 1 letter.").waitFor();
        await page.getByLabel("Select all that are shown").check();
        await page.getByText("2 selected").waitFor();
        expect(await violations(page)).toEqual([]);
        await page.getByRole("button", { name: "Send again" }).click();
        await page.getByText("2 letters will be tried again.").waitFor();
        await page.getByText(/^None: every event was taken/).waitFor();
        await expect.poll(letters).toBe(0);
      });
    } finally {
      consumer.stdin?.end();
      await gone;
    }
  });

  test("a key is shown once, works with its role, and is refused once it is revoked", async () => {
    await on("/settings?tab=keys", async (page) => {
      await page.getByRole("button", { name: "Make a key…" }).click();
      await page.getByLabel("Name").fill("reader");
      await page.getByLabel("Role", { exact: true }).selectOption("viewer");
      expect(await violations(page)).toEqual([]);
      await page.getByRole("button", { name: "Make the key" }).click();
      const secret = (await page.locator("code", { hasText: /^st_\w+$/ }).textContent()) ?? "";
      await page.getByRole("button", { name: "Copy" }).click();
      await page.getByText("Copied").waitFor();
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(secret);
      await page.getByRole("button", { name: "I have kept it" }).click();
      await expect.poll(() => page.content()).not.toContain(secret);

      const authorization = { authorization: `Bearer ${secret}` };
      const me = await server.ask<{ role: string }>("GET", "/v1/me", undefined, authorization);
      expect(me.role).toBe("viewer");
      await page
        .getByRole("button", { name: /^Revoke [0-9a-f]{12}$/ })
        .first()
        .click();
      await page.getByRole("button", { name: "Revoke", exact: true }).click();
      await page.getByText("revoked", { exact: true }).waitFor();
      await expect
        .poll(async () => (await fetch(`${server.url}/v1/me`, { headers: authorization })).status, { timeout: 15_000 })
        .toBe(401);
    });
  });

  test("a member is invited, gets another role and is removed; the audit log tells", async () => {
    await on("/settings", async (page) => {
      await page.getByRole("button", { name: "Invite…" }).click();
      await page.getByLabel("E-mail address").fill("ada@example.com");
      await page.getByRole("button", { name: "Invite", exact: true }).click();
      await page.getByLabel("Role of ada@example.com").selectOption("reviewer");
      await page.getByText(/ada@example.com is reviewer now/).waitFor();
      expect(await violations(page)).toEqual([]);
      await page.getByRole("button", { name: "Remove…" }).click();
      await page.getByRole("button", { name: "Remove", exact: true }).click();
      await page.getByText("Nobody is a member yet.").waitFor();

      await page.getByRole("tab", { name: "Audit log" }).click();
      await page.getByLabel("How the action begins").fill("member.");
      for (const action of ["created", "changed", "removed"]) {
        await page.getByRole("button", { name: `member.${action}` }).waitFor();
      }
      expect(await violations(page)).toEqual([]);
    });
  });

  test("a deployment is tried with a click", async () => {
    await on("/settings?tab=models", async (page) => {
      await page.getByText(/No model is at work/).waitFor();
      await page.getByRole("button", { name: "Test dear" }).click();
      await page.getByText(/the first token after/).waitFor();
      expect(await violations(page)).toEqual([]);
    });
  });

  test("a webhook is made and tested; its delivery is seen and sent again", async () => {
    await on("/settings?tab=webhooks", async (page) => {
      await page.getByRole("button", { name: "Make a webhook…" }).click();
      await page.getByLabel("Address").fill(hook);
      await page.getByLabel("Types of events").fill("stretto.webhook.tested");
      await page.getByRole("button", { name: "Make the webhook" }).click();
      await page.getByRole("button", { name: "I have kept it" }).click();
      await page.getByRole("button", { name: "Test", exact: true }).click();
      const list = page.getByRole("table", { name: "Deliveries" });
      await list.getByText("succeeded").waitFor({ timeout: 20_000 });
      await list.getByRole("button", { name: "stretto.webhook.tested" }).click();
      expect(await violations(page)).toEqual([]);
      await page.getByRole("button", { name: "Send again", exact: true }).click();
      await expect.poll(() => received.length, { timeout: 20_000 }).toBe(2);
      expect(received).toEqual(["stretto.webhook.tested", "stretto.webhook.tested"]);
    });
  });

  test("a viewer sees no button that would be refused", async () => {
    const made = await server.command("key", "add", "--tenant", "local", "--role", "viewer");
    const key = /st_\w+/.exec(made)?.[0] ?? "";
    const { page, close } = await openPage({ extraHTTPHeaders: { authorization: `Bearer ${key}` } });
    try {
      await page.goto(`${server.url}/settings?tab=webhooks`);
      await page.getByRole("heading", { name: "Webhooks" }).waitFor();
      await expect
        .poll(() => page.getByRole("tab").allTextContents())
        .toEqual(["Roles", "Models", "Webhooks", "Hook sources", "Tenant"]);
      expect(await page.getByRole("button", { name: "Make a webhook…" }).count()).toBe(0);
      await page.getByRole("tab", { name: "Models" }).click();
      await page.getByRole("heading", { name: "Deployments" }).waitFor();
      expect(await page.getByRole("button", { name: "Test dear" }).count()).toBe(0);
    } finally {
      await close();
    }
  });
});
