// Pictures of a server's pages for README and docs: `node measure/screenshots.mjs URL FOLDER SHOTS`, SHOTS as JSON.
import { join } from "node:path";
import { launch } from "./browser.mjs";

const [url, folder, shots] = process.argv.slice(2);
const browser = await launch();
for (const {
  name,
  path,
  theme = "light",
  width = 1360,
  height = 820,
  press = [],
  click = [],
  waitMs = 1500,
} of JSON.parse(shots)) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: theme });
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(url + path);
  await page.locator("h1").first().waitFor();
  await page.waitForTimeout(waitMs);
  for (const pattern of click)
    await page
      .getByRole("button", { name: new RegExp(pattern) })
      .first()
      .click();
  for (const key of press) await page.keyboard.press(key);
  await page.waitForTimeout(700);
  if (errors.length) throw new Error(`${path}: ${errors.join("; ")}`);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await page.close();
}
await browser.close();
