import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { headersFile, metaPolicy } from "./headers.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The project of the page; null when the environment names none, and the server of the page then provides `config.json`. */
function readProject(): { url: string; publishable_key: string } | null {
  const [url, publishable_key] = ["SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY"].map((name) => Deno.env.get(name));
  if (!url) return null;
  const { protocol, origin } = URL.parse(url) ?? {};
  if (!origin || !["http:", "https:"].includes(String(protocol))) {
    throw new Error("SUPABASE_URL must be the address of the project, which begins with https:// or http://");
  }
  if (!publishable_key) throw new Error("SUPABASE_PUBLISHABLE_KEY must be set with SUPABASE_URL: the page sends it with each request");
  return { url: origin, publishable_key };
}

const project = readProject();

export default defineConfig({
  root: here("."),
  base: "./",
  publicDir: "public",
  define: { RUNBOOK: JSON.stringify(await Deno.readTextFile(here("../docs/runbook.md"))) },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  // The contract is outside this folder and has no packages of its own.
  resolve: { alias: { zod: here("node_modules/zod") } },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    cssCodeSplit: true,
  },
  plugins: [{
    name: "project-and-its-headers",
    transformIndexHtml: {
      order: "pre",
      handler: () => [{
        tag: "meta",
        attrs: { "http-equiv": "Content-Security-Policy", content: metaPolicy(project?.url) },
        injectTo: "head-prepend",
      }],
    },
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "_headers", source: headersFile(project?.url) });
      if (project) this.emitFile({ type: "asset", fileName: "config.json", source: `${JSON.stringify(project)}\n` });
    },
  }],
});
