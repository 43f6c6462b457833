// How a run's page moves while many voices stream: `node measure/frames.mjs URL RUN SECONDS HEIGHT` prints JSON.
import { launch } from "./browser.mjs";

const [url, run, seconds = "15", height = "900"] = process.argv.slice(2);
const browser = await launch();
const page = await browser.newPage({ viewport: { width: 1440, height: Number(height) } });
await page.goto(`${url}/runs/${run}`);
await page
  .getByRole("button", { name: /working/ })
  .nth(3)
  .waitFor();
await page.waitForTimeout(2000);
const seen = await page.evaluate(async (lastingMs) => {
  const gaps = [];
  const long = [];
  const observer = new PerformanceObserver((list) => long.push(...list.getEntries().map((each) => each.duration)));
  observer.observe({ type: "longtask" });
  const voices = [...document.querySelectorAll("[data-voice]")];
  const shown = new Map(voices.map((voice) => [voice, voice.textContent]));
  let changes = 0;
  const began = performance.now();
  let last = began;
  await new Promise((resolve) => {
    const frame = (now) => {
      gaps.push(now - last);
      last = now;
      for (const [voice, before] of shown) {
        if (voice.textContent === before) continue;
        changes += 1;
        shown.set(voice, voice.textContent);
      }
      if (now - began < lastingMs) requestAnimationFrame(frame);
      else resolve();
    };
    requestAnimationFrame(frame);
  });
  observer.disconnect();
  gaps.sort((a, b) => a - b);
  const at = (share) => gaps[Math.min(gaps.length - 1, Math.floor(gaps.length * share))];
  const tookS = (last - began) / 1000;
  return {
    frames_per_s: gaps.length / tookS,
    gap_p95_ms: at(0.95),
    gap_max_ms: gaps[gaps.length - 1],
    long_tasks: long.length,
    voices: shown.size,
    changes_per_s: changes / tookS,
    heap_mb: (performance.memory?.usedJSHeapSize ?? 0) / 1e6,
  };
}, Number(seconds) * 1000);
process.stdout.write(`${JSON.stringify(seen)}\n`);
await browser.close();
