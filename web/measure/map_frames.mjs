// How the map of cells moves while it is dragged and comes closer: `node measure/map_frames.mjs URL CELLS` prints JSON.
// The cells are made up here: so many over Europe, as the API would give them.
import { launch } from "./browser.mjs";

const [url, many = "3000"] = process.argv.slice(2);
const CORNERS = 6;
const cells = Array.from({ length: Number(many) }, (_, index) => {
  const [latitude, longitude] = [36 + ((index * 7919) % 2300) / 100, -9 + ((index * 104729) % 3900) / 100];
  const corners = Array.from({ length: CORNERS }, (_, corner) => {
    const angle = (corner / CORNERS) * 2 * Math.PI;
    return [latitude + 0.2 * Math.sin(angle), longitude + 0.3 * Math.cos(angle)];
  });
  const reviews = Math.ceil(Number(many) / (index + 1));
  return { cell: `4-${index}`, latitude, longitude, corners, reviews, sentiment: 1.5 + (index % 20) / 10 };
});
const browser = await launch();
const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
await page.route("**/v1/apps/reviews/map*", (route) => route.fulfill({ json: { resolution: 4, cells, left_off: 0 } }));
await page.goto(`${url}/apps/reviews/map`);
await page.locator("polygon[data-cell]").first().waitFor();
await page.waitForTimeout(3000);
const seen = await page.evaluate(async () => {
  const map = document.querySelector('[role="application"]');
  const edge = map.getBoundingClientRect();
  const middle = { x: edge.left + edge.width / 2, y: edge.top + edge.height / 2 };
  const told = (kind, x, y) =>
    map.dispatchEvent(
      new PointerEvent(kind, { bubbles: true, pointerId: 1, button: 0, clientX: x, clientY: y, isPrimary: true }),
    );
  map.setPointerCapture = () => undefined; // this pointer is made up
  const frames = (count, act) =>
    new Promise((resolve) => {
      const gaps = [];
      let last = performance.now();
      const began = last;
      const frame = (now) => {
        gaps.push(now - last);
        last = now;
        if (gaps.length > count) {
          gaps.sort((a, b) => a - b);
          const at = (share) => Math.round(gaps[Math.floor((gaps.length - 1) * share)]);
          resolve({ frames_per_s: Math.round((gaps.length / (now - began)) * 1000), p95_ms: at(0.95), max_ms: at(1) });
        } else {
          act(gaps.length);
          requestAnimationFrame(frame);
        }
      };
      requestAnimationFrame(frame);
    });
  const round = (index) => [middle.x + 200 * Math.sin(index / 12), middle.y + 120 * Math.sin(index / 19)];
  const wheel = (deltaY) =>
    map.dispatchEvent(
      new WheelEvent("wheel", { deltaY, clientX: middle.x, clientY: middle.y, bubbles: true, cancelable: true }),
    );
  told("pointerdown", ...round(0));
  const drag = await frames(150, (index) => told("pointermove", ...round(index)));
  told("pointerup", ...round(150));
  const zoom = await frames(120, (index) => wheel(index % 60 < 30 ? -40 : 40));
  for (let index = 0; index < 12; index++) wheel(-80);
  told("pointerdown", ...round(0));
  const close = await frames(150, (index) => told("pointermove", ...round(index)));
  told("pointerup", ...round(150));
  return { drag, zoom, drag_close: close };
});
process.stdout.write(`${JSON.stringify(seen)}\n`);
await browser.close();
