import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** Where the page may call: its own origin, hosted Supabase, and what `SUPABASE_ORIGIN` names at build time. */
const origins = [
  "'self'",
  "https://*.supabase.co",
  Deno.env.get("SUPABASE_ORIGIN"),
].filter(Boolean).join(" ");
const policy =
  `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src ${origins}; base-uri 'none'; form-action 'none'`;

export default defineConfig({
  root: here("."),
  base: "./",
  publicDir: "public",
  define: { RUNBOOK: JSON.stringify(await Deno.readTextFile(here("../docs/runbook.md"))) },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  // The contract lies outside this folder and has no packages of its own.
  resolve: { alias: { zod: here("node_modules/zod") } },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    cssCodeSplit: true,
  },
  plugins: [{
    name: "content-security-policy",
    transformIndexHtml: {
      order: "pre",
      handler: () => [{
        tag: "meta",
        attrs: { "http-equiv": "Content-Security-Policy", content: policy },
        injectTo: "head-prepend",
      }],
    },
  }],
});
