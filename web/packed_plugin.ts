import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import type { Plugin } from "vite";

const WORTH_BYTES = 1_024;
const packed = promisify(brotliCompress);

/**
 * Writes each file once more, packed as tightly as Brotli can: done once here, not by the server at each request.
 * It packs what was written, since other plugins change chunks to the last (Vite puts in what a page preloads).
 */
export function packedOnce(): Plugin {
  return {
    name: "stretto:packed",
    apply: "build",
    async writeBundle({ dir = "." }, bundle) {
      const files = Object.keys(bundle).filter((name) => name.startsWith("assets/"));
      for (const name of files.filter((each) => /\.(js|css|svg|json)$/.test(each))) {
        const whole = await readFile(join(dir, name));
        if (whole.length < WORTH_BYTES) continue;
        const params = { [constants.BROTLI_PARAM_SIZE_HINT]: whole.length };
        await writeFile(join(dir, `${name}.br`), await packed(whole, { params }));
      }
    },
  };
}
