// How many frames a second a run's page shows while many voices stream: `node tests/frames.mjs URL RUN SECONDS`, as JSON.
// Run it against a server whose run is at work; `bench/measured/dashboard.py` does.
import { chromium } from "playwright-core";

const [url, run, seconds = "15"] = process.argv.slice(2);
const flags =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: flags.split(" "),
});
const page = await browser.newPage({ viewport: { width: 1440, height: 2900 } });
await page.goto(`${url}/runs/${run}`);
await page
  .getByRole("button", { name: /working/ })
  .first()
  .waitFor();
await page.waitForTimeout(2000);
const seen = await page.evaluate(async (lasting) => {
  const gaps = [];
  const characters = () =>
    [...document.querySelectorAll("[data-voice-text]")].reduce((sum, each) => sum + (each.textContent?.length ?? 0), 0);
  const long = [];
  const observer = new PerformanceObserver((list) => long.push(...list.getEntries().map((each) => each.duration)));
  observer.observe({ type: "longtask" });
  const began = performance.now();
  let last = began;
  await new Promise((resolve) => {
    const frame = (now) => {
      gaps.push(now - last);
      last = now;
      if (now - began < lasting * 1000) requestAnimationFrame(frame);
      else resolve();
    };
    requestAnimationFrame(frame);
  });
  observer.disconnect();
  gaps.sort((a, b) => a - b);
  const at = (share) => gaps[Math.min(gaps.length - 1, Math.floor(gaps.length * share))];
  return {
    frames_per_s: (gaps.length / (last - began)) * 1000,
    gap_p95_ms: at(0.95),
    gap_max_ms: gaps[gaps.length - 1],
    long_tasks: long.length,
    shown_characters: characters(),
    heap_mb: (performance.memory?.usedJSHeapSize ?? 0) / 1e6,
  };
}, Number(seconds));
const voices = await page.getByRole("button", { name: /working/ }).count();
process.stdout.write(`${JSON.stringify({ ...seen, voices })}\n`);
await browser.close();
