import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import type { Plugin } from "vite";

const WORTH_BYTES = 1_024;
const packed = promisify(brotliCompress);

/** Writes each file once more, packed as tightly as Brotli can: done once here, not by the server at each request. */
export function packedOnce(): Plugin {
  return {
    name: "stretto:packed",
    apply: "build",
    async generateBundle(_, bundle) {
      const files = Object.values(bundle).filter((each) => each.fileName.startsWith("assets/"));
      for (const file of files) {
        const whole = Buffer.from(file.type === "chunk" ? file.code : file.source);
        if (whole.length < WORTH_BYTES || !/\.(js|css|svg|json)$/.test(file.fileName)) continue;
        const params = { [constants.BROTLI_PARAM_SIZE_HINT]: whole.length };
        this.emitFile({ type: "asset", fileName: `${file.fileName}.br`, source: await packed(whole, { params }) });
      }
    },
  };
}
