import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { build } from "vite";
import { expect, test } from "vitest";
import { packedOnce } from "../../packed_plugin";

test("what is packed is what was written, with what each page preloads", async () => {
  const root = await mkdtemp(join(tmpdir(), "packed-"));
  try {
    const long = `export const words = ${JSON.stringify("so and so ".repeat(300))};`;
    await writeFile(join(root, "index.html"), '<!doctype html><script type="module" src="/main.js"></script>');
    await writeFile(join(root, "main.js"), `${long} import("./page.js").then((page) => page.show(words));`);
    await writeFile(
      join(root, "page.js"),
      'import "./page.css"; export const show = (words) => document.write(words);',
    );
    await writeFile(join(root, "page.css"), "p { color: red }");
    await build({
      root,
      configFile: false,
      logLevel: "silent",
      plugins: [packedOnce()],
      build: { modulePreload: { polyfill: false } },
    });
    const assets = join(root, "dist", "assets");
    const packed = (await readdir(assets)).filter((name) => name.endsWith(".br"));
    expect(packed).toHaveLength(1);
    for (const name of packed) {
      const whole = await readFile(join(assets, name.slice(0, -3)), "utf8");
      expect(whole).toContain("page-");
      expect(brotliDecompressSync(await readFile(join(assets, name))).toString()).toBe(whole);
    }
  } finally {
    await rm(root, { recursive: true });
  }
});
