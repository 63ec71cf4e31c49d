// Bundles the page into the folder given: one small script, and the viewer in a part of its own that is loaded when needed.
import { build } from "esbuild";
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const out = process.argv[2];
if (!out) {
  throw new Error("usage: node build.mjs FOLDER");
}
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await build({
  entryPoints: ["src/app.js", "src/app.css"],
  outdir: out,
  bundle: true,
  format: "esm",
  splitting: true,
  minify: true,
  target: ["es2022"],
  chunkNames: "[name]-[hash]",
  legalComments: "external",
  logLevel: "warning",
});
for (const file of ["index.html", "icon.svg"]) {
  copyFileSync(join("src", file), join(out, file));
}
