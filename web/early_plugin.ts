import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { build, type Plugin, type Rolldown } from "vite";

const SOURCE = fileURLToPath(new URL("./src/early.ts", import.meta.url));

/** Puts `src/early.ts` before everything else on the page, as a small script of its own that waits for nothing. */
export function early(): Plugin {
  let building = false;
  let file = "";
  return {
    name: "stretto:early",
    configResolved({ command }) {
      building = command === "build";
    },
    async buildStart() {
      if (!building) return;
      const code = await built();
      file = `assets/early-${createHash("sha256").update(code).digest("hex").slice(0, 8)}.js`;
      this.emitFile({ type: "asset", fileName: file, source: code });
    },
    transformIndexHtml() {
      const attrs = building ? { src: `/${file}` } : { type: "module", src: "/src/early.ts" };
      return [{ tag: "script", attrs, injectTo: "head-prepend" }];
    },
  };
}

async function built(): Promise<string> {
  const made = await build({
    configFile: false,
    logLevel: "silent",
    build: { write: false, target: "es2022", lib: { entry: SOURCE, formats: ["iife"], name: "early" } },
  });
  const [first] = Array.isArray(made) ? made : [made as Rolldown.RolldownOutput];
  return first?.output[0].code ?? "";
}
