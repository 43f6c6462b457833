// How soon the first page can be used on a slowed CPU, and what it loads: `node measure/first_page.mjs URL SLOWER` prints JSON.
import { launch } from "./browser.mjs";

const [url, slower = "4"] = process.argv.slice(2);
const browser = await launch();
const page = await browser.newPage();
const devtools = await page.context().newCDPSession(page);
await devtools.send("Network.enable");
let scriptBytes = 0;
let allBytes = 0;
const scripts = new Set();
devtools.on("Network.responseReceived", ({ requestId, type }) => type === "Script" && scripts.add(requestId));
devtools.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
  allBytes += encodedDataLength;
  if (scripts.has(requestId)) scriptBytes += encodedDataLength;
});
await devtools.send("Emulation.setCPUThrottlingRate", { rate: Number(slower) });
// The page itself says when its list can be used, counted from the beginning of the navigation.
await page.addInitScript(() => {
  const usable = () =>
    [...document.querySelectorAll("h1")].some((each) => each.textContent === "Runs") &&
    document.querySelector('[role="table"][aria-label="Runs"] [role="row"] a, li button') !== null;
  const observer = new MutationObserver(() => {
    if (!usable()) return;
    window.usableMs = performance.now();
    observer.disconnect();
  });
  observer.observe(document, { childList: true, subtree: true });
});
await page.goto(`${url}/`, { waitUntil: "commit" });
await page.waitForFunction(() => window.usableMs !== undefined);
const usableMs = await page.evaluate(() => window.usableMs);
await page.waitForTimeout(1500);
const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0);
process.stdout.write(
  `${JSON.stringify({ usable_ms: usableMs, paint_ms: paint, script_kb: scriptBytes / 1000, all_kb: allBytes / 1000 })}\n`,
);
await browser.close();
