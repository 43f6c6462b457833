import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closeBrowser, hasBrowser, openPage, startServer, type TestServer, violations } from "./server";

afterAll(closeBrowser);

const PLACE = { latitude: 48.21, longitude: 16.37 };
const REVIEWS = [
  {
    text: "The battery lasts for three days. I am very happy with this phone, it is great.",
    rating: 5,
    external_id: "one",
    product: { external_id: "phone", name: "Phone" },
    customer: { email: "ada@example.org", name: "Ada", opted_into_loyalty: true },
    ...PLACE,
  },
  {
    text: "The screen broke after a week and nobody at the support answers. A terrible purchase.",
    rating: 1,
    external_id: "two",
    product: { external_id: "phone", name: "Phone" },
    customer: { email: "ben@example.org", name: "Ben", opted_into_loyalty: false },
    ...PLACE,
  },
  {
    text: "Sound is fine, the price is fair, and the menu is easy to use once you know it.",
    rating: 4,
    external_id: "three",
    product: { external_id: "player", name: "Player" },
    ...PLACE,
  },
  {
    text: "A terrible purchase. The screen broke after a week and nobody at the support answers.",
    rating: 1,
    external_id: "copy",
    product: { external_id: "phone", name: "Phone" },
  },
  {
    text: "Best best best shop! Free iPhone for everybody at http://free-gifts.top and http://free-gifts.xyz buy now",
    rating: 5,
    external_id: "four",
  },
];

describe.skipIf(!hasBrowser)("the review engine", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ args: ["--app", "reviews"] });
  });
  afterAll(() => server.stop());

  async function on(path: string, look: (page: Page) => Promise<void>): Promise<void> {
    const { page, errors, close } = await openPage();
    try {
      await page.goto(`${server.url}/apps/reviews${path}`);
      await look(page);
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  }

  test("without a review it says how to get some; an import is counted without a reload", async () => {
    await on("", async (page) => {
      await page.getByText("There are no reviews yet.").waitFor();
      await page.getByText("stretto up --app reviews --samples").waitFor();
      expect(await violations(page)).toEqual([]);
      await server.ask("POST", "/v1/apps/reviews/reviews", { reviews: REVIEWS, name: "by hand" });
      await expect
        .poll(async () => (await page.getByRole("region", { name: "Totals" }).textContent()) ?? "", { timeout: 40_000 })
        .toMatch(/^Reviews5/);
      await page.getByRole("list", { name: "Imports" }).getByText("by hand").waitFor();
    });
  });

  test("the overview counts, and passes axe", async () => {
    await on("", async (page) => {
      await expect
        .poll(async () => (await page.getByRole("region", { name: "Totals" }).textContent()) ?? "", { timeout: 30_000 })
        .toMatch(/1 suspected spam/);
      await page.getByRole("table", { name: "Products" }).getByText("Phone").waitFor();
      await page.getByRole("link", { name: "Review engine" }).waitFor();
      expect(await violations(page)).toEqual([]);
    });
  });

  test("an answer cites a review, which opens with the place marked", async () => {
    await expect
      .poll(
        async () => {
          const { totals } = await server.ask<{ totals: { analysed: number; indexed: number } }>(
            "GET",
            "/v1/apps/reviews/overview",
          );
          return totals.analysed > 0 && totals.indexed === totals.analysed;
        },
        { timeout: 45_000 },
      )
      .toBe(true);
    await on("/ask", async (page) => {
      await page.getByRole("button", { name: "Is the sound good?" }).waitFor();
      expect(await violations(page)).toEqual([]);
      await page.getByLabel("Your question").fill("How long does the battery last?");
      await page.getByRole("button", { name: "Ask", exact: true }).click();
      const said = page.getByRole("list", { name: "What reviews say" });
      await said.getByText(/battery lasts/).waitFor({ timeout: 40_000 });
      await page.getByText("words 1.").first().waitFor();
      expect(await violations(page)).toEqual([]);
      await said
        .getByRole("button", { name: /^Source / })
        .first()
        .click();
      const sheet = page.getByRole("dialog", { name: "Source" });
      await sheet
        .locator("mark")
        .getByText(/battery lasts/)
        .waitFor();
      await sheet.getByText("Ada").waitFor();
      expect(await violations(page)).toEqual([]);
      await page.keyboard.press("Escape");
      await sheet.waitFor({ state: "detached" });
      await page.getByRole("link", { name: "The run that found it" }).click();
      await page.waitForURL(/\/runs\/[0-9a-f-]+$/);
      const node = page.getByRole("button", { name: /^graph › [a-z_]+, done/ });
      await node.first().waitFor();
      const listed = page.getByRole("region", { name: "Nodes of the graph" }).getByRole("row");
      await expect.poll(() => listed.count()).toBeGreaterThan(3);
      const picture = page.getByRole("region", { name: "Graph", exact: true });
      await picture.getByRole("button", { name: /^understand/ }).waitFor();
      await page.getByRole("slider", { name: "Time" }).fill("0"); // before any of them began
      await expect.poll(() => node.filter({ visible: true }).count()).toBe(0);
      expect(await violations(page)).toEqual([]);
    });
  }, 120_000);

  test("a file with a bad line is imported, and the line can be fetched", async () => {
    await on("", async (page) => {
      await page.getByRole("region", { name: "Totals" }).waitFor();
      const csv = "text,rating,external_id\nA good thing that works well for me,5,five\n,9,six\n";
      await page
        .getByLabel("A file of reviews")
        .setInputFiles({ name: "shop.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
      await page.getByText("shop.csv is being taken in.").waitFor();
      const rejected = page.getByRole("button", { name: /rejected, as CSV$/ });
      await rejected.waitFor({ timeout: 30_000 });
      const [file] = await Promise.all([page.waitForEvent("download"), rejected.click()]);
      expect(await readFile(await file.path(), "utf8")).toMatch(/^line,field,reason,body\s+3,rating,/);
    });
  });

  test("reviews are narrowed in the address, and open with what was found", async () => {
    await on("/reviews?status=spam", async (page) => {
      const list = page.getByRole("table", { name: "Reviews" });
      await list.getByRole("button", { name: /Best best best/ }).click();
      await page.getByRole("dialog", { name: "Review" }).getByText("Suspicion").waitFor();
      expect(await violations(page)).toEqual([]);
      await page.keyboard.press("Escape");
      await page.getByLabel("What became of them").selectOption("");
      await list.getByText(/^The screen broke/).waitFor();
      expect(page.url()).not.toContain("status");
      await page.getByLabel("Product").selectOption("Player");
      await expect.poll(() => list.getByText(/^The screen broke/).count()).toBe(0);
      expect(await violations(page)).toEqual([]);
    });
  });

  test("the map shows the cell, moves by keys, and leads to its reviews", async () => {
    await on("/map?resolution=5", async (page) => {
      const map = page.getByRole("application");
      const cell = map.locator("polygon[data-cell]");
      await cell.first().waitFor();
      const left = async () => (await cell.first().boundingBox())?.x ?? 0;
      const before = await left();
      await map.press("ArrowRight");
      await expect.poll(left).toBeCloseTo(before - 60, -1);
      await map.press("+");
      await map.press("0");
      await expect.poll(left).toBeCloseTo(before, -1);
      await map.locator('canvas[data-land="true"]').waitFor(); // it comes after the cells
      expect(await violations(page)).toEqual([]);
      await cell.first().click();
      await page.waitForURL(/cell=/);
      await page
        .getByRole("table", { name: "Reviews" })
        .getByText(/battery lasts/)
        .waitFor();
    });
  });

  test("what was set aside tells why, and is taken in after all", async () => {
    await on("/aside", async (page) => {
      await page.getByText(/^Alike to/).waitFor();
      await page.getByRole("tab", { name: "Suspected spam" }).click();
      await page.getByText(/suspicion 0/).waitFor();
      await page.getByRole("checkbox", { name: /^Select: Best best best/ }).check();
      expect(await violations(page)).toEqual([]);
      await page.getByRole("button", { name: "Take in 1 selected" }).click();
      await page.getByText("The review is being taken in.").waitFor();
      await page.getByText("Nothing looks like spam.").waitFor();
      await page.getByRole("tab", { name: "Duplicates" }).click();
      expect(await violations(page)).toEqual([]);
      await page.getByRole("button", { name: /^Take it in: A terrible purchase/ }).click();
      await page.getByText("No review is a copy of another.").waitFor();
      await page.getByRole("button", { name: "See how far it is" }).first().click();
      await page.getByRole("list", { name: "Imports" }).getByText("Taken back by local").first().waitFor();
      await expect
        .poll(async () => (await page.getByRole("region", { name: "Totals" }).textContent()) ?? "", { timeout: 40_000 })
        .toMatch(/Set aside0/);
    });
    await on("/reviews", async (page) => {
      await page
        .getByRole("table", { name: "Reviews" })
        .getByRole("button", { name: /Best best best/ })
        .click();
      const sheet = page.getByRole("dialog", { name: "Review" });
      await sheet.getByText("Taken back by").waitFor();
      await sheet.getByText("Suspicion").waitFor();
      expect(await sheet.getByRole("button", { name: /^Take it in/ }).count()).toBe(0);
    });
  });

  test("a review's sheet takes it in as well", async () => {
    const copy = { text: `${REVIEWS[2]?.text} Really.`, rating: 4, external_id: "later" };
    await server.ask("POST", "/v1/apps/reviews/reviews", { reviews: [copy], name: "one more" });
    await expect
      .poll(
        async () =>
          (await server.ask<{ reviews: unknown[] }>("GET", "/v1/apps/reviews/reviews?status=duplicate")).reviews.length,
        { timeout: 30_000 },
      )
      .toBe(1);
    await expect
      .poll(
        async () =>
          (
            await server.ask<{ imports: { finished_at: string | null }[] }>("GET", "/v1/apps/reviews/imports")
          ).imports.every((each) => each.finished_at !== null),
        { timeout: 30_000 },
      )
      .toBe(true);
    await on("/reviews?status=duplicate", async (page) => {
      await page
        .getByRole("table", { name: "Reviews" })
        .getByRole("button", { name: /Really/ })
        .click();
      const sheet = page.getByRole("dialog", { name: "Review" });
      await sheet.getByRole("button", { name: /^Take it in/ }).click();
      await sheet.getByText("Taken back by").waitFor();
      expect(await violations(page)).toEqual([]);
      await sheet.getByText("the lexicon").waitFor({ timeout: 30_000 });
    });
  });

  test("a customer opens with what came of the reviews", async () => {
    await on("/customers", async (page) => {
      await page.getByRole("heading", { name: "Items waiting" }).waitFor();
      expect(await violations(page)).toEqual([]);
      await page.getByRole("button", { name: "Ada" }).click();
      await page
        .getByRole("dialog", { name: "Ada" })
        .getByText(/decided by/)
        .waitFor();
      expect(await violations(page)).toEqual([]);
    });
  });
});

describe.skipIf(!hasBrowser)("a server without the review engine", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());

  test("does not offer its pages", async () => {
    const { page, close } = await openPage();
    try {
      await page.goto(`${server.url}/usage`);
      await page.getByRole("link", { name: "Fleet" }).waitFor();
      expect(await page.getByRole("link", { name: "Review engine" }).count()).toBe(0);
    } finally {
      await close();
    }
  });
});
