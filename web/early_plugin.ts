import { fileURLToPath } from "node:url";
import { build, type Plugin, type Rolldown } from "vite";

const SOURCE = fileURLToPath(new URL("./src/early.ts", import.meta.url));

/** Puts `src/early.ts` before everything else into the page itself; the server's policy names it by its digest. */
export function early(): Plugin {
  let building = false;
  return {
    name: "stretto:early",
    configResolved({ command }) {
      building = command === "build";
    },
    async transformIndexHtml() {
      if (!building)
        return [{ tag: "script", attrs: { type: "module", src: "/src/early.ts" }, injectTo: "head-prepend" }];
      return [{ tag: "script", children: await built(), injectTo: "head-prepend" }];
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
  return (first?.output[0].code ?? "").trim();
}
