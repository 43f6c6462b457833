import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closeBrowser, hasBrowser, openPage, PYTHON, startServer, type TestServer, violations } from "./server";

afterAll(closeBrowser);

const PRICED = `
deployments:
  dear: {provider: simulated, model: any, price: {input: 0, output: 1000}}
routes: {default: [dear]}
default_route: default
`;
const SPENDER = {
  flow: "spender",
  budget: "0.15 usd",
  agents: { writer: { model: "default", prompt: "Write a paragraph about {{ item }}." } },
  steps: {
    first: { agent: "writer", input: { item: "tides" } },
    second: { agent: "writer", input: { item: "{{ first }}" } },
    third: { agent: "writer", input: { item: "{{ second }}" } },
  },
  output: "{{ third }}",
};

describe.skipIf(!hasBrowser)("the first start", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ config: PRICED });
  });
  afterAll(() => server.stop());

  test("the examples are offered, one runs with a click, and its text streams in", async () => {
    const { page, errors, close } = await openPage();
    try {
      await page.goto(server.url);
      await page.getByText("Nothing has run yet.").waitFor();
      expect(await violations(page)).toEqual([]);
      await page.getByRole("button", { name: /^Run / }).nth(1).click();
      await page.waitForURL(/\/runs\/[0-9a-f-]+$/);
      const text = page.getByRole("region", { name: /^Text of / });
      await expect.poll(async () => (await text.textContent())?.length ?? 0, { timeout: 20_000 }).toBeGreaterThan(30);
      await page.getByText("simulated", { exact: true }).first().waitFor();
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  });

  test("the list shows new runs by itself, what becomes of them, and begins with the oldest if asked", async () => {
    const flow = (name: string) => ({ flow: { flow: name, steps: { said: { wait: { for: "1ms" } } } }, input: {} });
    await server.ask("POST", "/v1/runs", flow("earlier"));
    const { page, errors, close } = await openPage();
    try {
      await page.goto(server.url);
      await page.getByRole("link", { name: "earlier" }).waitFor();
      const waits = { flow: "waits", steps: { said: { wait: { event: "bell" } } } };
      const { id } = await server.ask<{ id: string }>("POST", "/v1/runs", { flow: waits, input: {} });
      const row = page.getByRole("row").filter({ hasText: id.slice(-8) });
      await row.getByText("waiting").waitFor();
      await server.ask("POST", `/v1/runs/${id}/control`, { command: "cancel" });
      await row.getByText("cancelled").waitFor();
      const last = page.getByRole("row").last();
      const oldest = (await last.getByRole("link").getAttribute("href")) ?? "";
      await page.getByLabel("Order").selectOption("oldest");
      const first = page.getByRole("row").nth(1).getByRole("link");
      await expect.poll(() => first.getAttribute("href")).toBe(oldest);
      const late = await server.ask<{ id: string }>("POST", "/v1/runs", flow("later"));
      await expect.poll(() => last.getByRole("link").getAttribute("href")).toBe(`/runs/${late.id}`);
      expect(await violations(page)).toEqual([]);
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  });

  test("a run whose budget runs out says so, with what to do", async () => {
    const { id } = await server.ask<{ id: string }>("POST", "/v1/runs", { flow: SPENDER, input: {} });
    const { page, close } = await openPage();
    try {
      await page.goto(`${server.url}/runs/${id}`);
      await page.getByText("failed", { exact: true }).first().waitFor({ timeout: 30_000 });
      await page
        .getByText(/budget/)
        .first()
        .waitFor();
    } finally {
      await close();
    }
  });
});

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let told = "";
    child.stdout?.on("data", (piece: Buffer) => {
      told += piece.toString();
      if (told.includes("\n")) resolve(told);
    });
  });
}

describe.skipIf(!hasBrowser)("a server without an identity provider", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ env: { STRETTO_AUTH: "required" } });
  });
  afterAll(() => server.stop());

  test("asks for a key, offers no login that would lead nowhere, and says what to do", async () => {
    const { page, close } = await openPage();
    try {
      await page.goto(`${server.url}/flows`);
      await page.getByLabel("Use a key").waitFor();
      await page.getByText("STRETTO_OIDC_ISSUER").waitFor();
      expect(await page.getByRole("link", { name: "Log in" }).count()).toBe(0);
      expect(await page.getByText("/auth/login").count()).toBe(0);
      expect(await violations(page)).toEqual([]);
    } finally {
      await close();
    }
  });
});

describe.skipIf(!hasBrowser)("who may see what", () => {
  let server: TestServer;
  let provider: ChildProcess;
  beforeAll(async () => {
    provider = spawn(PYTHON, [fileURLToPath(new URL("identity.py", import.meta.url))], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const told = await firstLine(provider);
    const [issuer = "", client = ""] = told.trim().split(" ");
    server = await startServer({
      env: { STRETTO_AUTH: "required", STRETTO_OIDC_ISSUER: issuer, STRETTO_OIDC_CLIENT_ID: client },
    });
    await server.command("tenant", "add", "one");
    await server.command("tenant", "add", "two");
    await server.command("tenant", "add", "three");
  });
  afterAll(async () => {
    await server.stop();
    provider.stdin?.end();
  });

  const keyOf = async (tenant: string, role: string) => {
    const told = await server.command("key", "add", "--tenant", tenant, "--role", role);
    const key = /st_\S+/.exec(told)?.[0];
    if (!key) throw new Error(`no key in: ${told}`);
    return key;
  };
  const as = (key: string) => ({ authorization: `Bearer ${key}` });

  test("a person logs in at the identity provider, sees the own tenant's runs, and nothing of another's", async () => {
    const [one, two] = [await keyOf("one", "owner"), await keyOf("two", "owner")];
    await server.ask("POST", "/v1/members", { email: "ada@example.org", role: "operator" }, as(one));
    const three = await keyOf("three", "owner");
    await server.ask("POST", "/v1/members", { email: "ada@example.org", role: "viewer" }, as(three));
    const flow = (name: string) => ({ flow: { flow: name, steps: { said: { wait: { for: "1ms" } } } }, input: {} });
    await server.ask("POST", "/v1/runs", flow("mine"), as(one));
    const theirs = await server.ask<{ id: string }>("POST", "/v1/runs", flow("theirs"), as(two));
    const { page, close } = await openPage();
    try {
      await page.goto(server.url);
      await page.getByRole("link", { name: "Log in" }).waitFor();
      expect(await violations(page)).toEqual([]);
      await page.getByRole("link", { name: "Log in" }).click();
      await page.getByRole("link", { name: "mine" }).waitFor();
      await page.getByText("operator of one").waitFor();
      expect(await page.getByText("theirs").count()).toBe(0);
      await page.goto(`${server.url}/runs/${theirs.id}`);
      await page.getByRole("alert").waitFor();
      // A membership is known once one has logged in there; from then on the tenants can be chosen among.
      await page.goto(`${server.url}/auth/login?tenant=three`);
      await page.getByText("viewer of three").waitFor();
      await page.getByRole("combobox", { name: "Tenant" }).selectOption("one");
      await page.getByText("operator of one").waitFor();
      // Usage by tenant is there for who is a member of several.
      await page.getByRole("link", { name: "Usage" }).click();
      await page.getByLabel("Told apart by").selectOption("tenant");
      await page.getByText("No model was called in these days.").waitFor();
      await page.setViewportSize({ width: 360, height: 720 });
      await expect.poll(() => page.getByText("operator of one").isVisible()).toBe(false);
      await page.getByRole("button", { name: "Who asks, and who answers" }).click();
      await page.getByText("operator of one").waitFor();
      await page.getByRole("link", { name: "Simulated: no model answers" }).waitFor();
      expect(await violations(page)).toEqual([]);
      await page.getByRole("button", { name: "Log out" }).click();
      await page.getByRole("link", { name: "Log in" }).waitFor();
    } finally {
      await close();
    }
  });

  test("a link to any page asks who one is, and leads there", async () => {
    const viewer = await keyOf("two", "viewer");
    const { page, close } = await openPage();
    try {
      await page.goto(`${server.url}/flows?archived=1`);
      expect(await page.getByRole("link", { name: "Log in" }).getAttribute("href")).toBe(
        "/auth/login?next=%2Fflows%3Farchived%3D1",
      );
      await page.getByLabel("Or use a key").fill(viewer);
      await page.getByRole("button", { name: "Use the key" }).click();
      await page.getByRole("heading", { name: "Flows" }).waitFor();
      await page.reload();
      await page.getByRole("heading", { name: "Flows" }).waitFor();
    } finally {
      await close();
    }
  });

  test("a key opens the dashboard for as long as its tab is open, with what its role allows", async () => {
    const viewer = await keyOf("two", "viewer");
    const { page, close } = await openPage();
    try {
      await page.goto(server.url);
      await page.getByLabel("Or use a key").fill(viewer);
      await page.getByRole("button", { name: "Use the key" }).click();
      await page.getByRole("link", { name: "theirs" }).click();
      await page.getByText("completed", { exact: true }).first().waitFor();
      expect(await page.getByRole("button", { name: /^Fork/ }).count()).toBe(0);
      await page.goto(server.url);
      await page.getByRole("link", { name: "theirs" }).waitFor();
      await server.command("key", "revoke", viewer.split("_")[1] ?? "");
      await page.getByLabel("Or use a key").waitFor({ timeout: 40_000 }); // a key is looked up anew every few seconds
    } finally {
      await close();
    }
  }, 60_000);
});
