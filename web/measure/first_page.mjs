// How soon the first page can be used on a slowed CPU, and what it loads: `node measure/first_page.mjs URL SLOWER` prints JSON.

import { bareTab } from "./bare_tab.mjs";
import { launch } from "./browser.mjs";

const [url, slower = "4"] = process.argv.slice(2);
const SETTLE_MS = 1_000;

// The page itself says when its list can be used, counted from the beginning of the navigation.
const WATCH = `
  const usable = () =>
    [...document.querySelectorAll("h1")].some((each) => each.textContent === "Runs") &&
    document.querySelector('[role="table"][aria-label="Runs"] [role="row"] a, li button') !== null;
  const observer = new MutationObserver(() => {
    if (!usable()) return;
    window.usableMs = performance.now();
    observer.disconnect();
  });
  observer.observe(document, { childList: true, subtree: true });
`;
const FOUND = `new Promise((resolve) => {
  const look = () => {
    if (window.usableMs === undefined) return setTimeout(look, 200);
    const size = (entries) => entries.reduce((sum, each) => sum + each.transferSize, 0) / 1000;
    const files = performance.getEntriesByType("resource");
    resolve({
      usable_ms: window.usableMs,
      paint_ms: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
      script_kb: size(files.filter((each) => each.initiatorType === "script")),
      all_kb: size([...files, ...performance.getEntriesByType("navigation")]),
    });
  };
  setTimeout(look, 1500);
})`;

const browser = await launch();
const tab = await bareTab(browser);
await tab.send("Page.enable");
await tab.send("Page.addScriptToEvaluateOnNewDocument", { source: WATCH });
await tab.send("Emulation.setCPUThrottlingRate", { rate: Number(slower) });
// The browser is in use: the process behind the tab has begun, and nothing of the page is in its cache.
await tab.send("Page.navigate", { url: `${url}/healthz` });
await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
await tab.send("Page.navigate", { url: `${url}/` });
const { result } = await tab.send("Runtime.evaluate", { expression: FOUND, awaitPromise: true, returnByValue: true });
process.stdout.write(`${JSON.stringify(result.value)}\n`);
await browser.close();
