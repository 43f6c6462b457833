// A picture of a page, and what its console complained of: `node measure/shot.mjs URL FILE WIDTH HEIGHT light|dark WAIT_MS`.
import { launch } from "./browser.mjs";

const [url, out, width = "1280", height = "800", theme = "light", wait = "1500"] = process.argv.slice(2);
const browser = await launch();
const page = await browser.newPage({ viewport: { width: +width, height: +height }, colorScheme: theme });
page.on("console", (m) => {
  if (m.type() === "error" || m.type() === "warning") process.stdout.write(`${m.type()} ${m.text()}\n`);
});
page.on("pageerror", (e) => process.stdout.write(`${e.message}\n`));
await page.goto(url);
await page.waitForTimeout(+wait);
await page.screenshot({ path: out });
await browser.close();
