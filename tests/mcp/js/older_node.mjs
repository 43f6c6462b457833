// The conformance suite imports `globSync` of `fs`, which Node has since 22; its scenarios for clients do not call it.
// Node 20: node --import ./older_node.mjs node_modules/.bin/conformance …
import fs from "node:fs";
import { register } from "node:module";

if (!("globSync" in fs)) {
  const names = [...Object.keys(fs).filter((name) => /^[a-z]\w*$/i.test(name) && name !== "default"), "globSync"];
  const source = `import fs from "node:fs"; export default fs; export const { ${names.join(", ")} } = fs;`;
  const url = `data:text/javascript,${encodeURIComponent(source)}`;
  const hook = `export const resolve = (name, context, next) =>
    name === "fs" ? { url: ${JSON.stringify(url)}, shortCircuit: true } : next(name, context);`;
  register(`data:text/javascript,${encodeURIComponent(hook)}`);
}
