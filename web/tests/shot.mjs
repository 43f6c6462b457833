import { chromium } from "playwright-core";

const [url, out, width = "1280", height = "800", theme = "light", wait = "1500"] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
const page = await browser.newPage({ viewport: { width: +width, height: +height }, colorScheme: theme });
page.on("console", (m) => {
  if (m.type() === "error" || m.type() === "warning") console.log(m.type(), m.text());
});
page.on("pageerror", (e) => console.log("pageerror", e.message));
await page.goto(url);
await page.waitForTimeout(+wait);
await page.screenshot({ path: out });
await browser.close();
