import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../dashboard", import.meta.url));
const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  woff2: "font/woff2",
  json: "application/json",
};
/** Allows scripts, styles and requests of this origin only, so that text from upstream never runs as code. */
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** The time of the newest change in a folder, in ms; 0 when the folder is missing or empty. */
async function changedAt(folder: string): Promise<number> {
  let newest = 0;
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const path = `${folder}/${name}`;
      newest = Math.max(newest, isDirectory ? await changedAt(path) : (await Deno.stat(path)).mtime?.getTime() ?? 0);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return newest;
}

/** Builds the page when its build is missing or older than its sources. @throws Error with the output of the build */
export async function buildDashboard(): Promise<void> {
  const sources = await Promise.all(["src", "public", "../types", "../docs"].map((folder) => changedAt(`${FOLDER}/${folder}`)));
  if (await changedAt(`${FOLDER}/dist`) > Math.max(...sources)) return;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "build"],
    cwd: FOLDER,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr.length ? stderr : stdout).trim());
}

/** Serves the files of the page, and `config.json` with the address of this project; null for any other path. */
export function createDashboard(config: { url: string; publishable_key: string }, folder = `${FOLDER}/dist`) {
  return async (pathname: string): Promise<Response | null> => {
    if (pathname === "/config.json") return Response.json(config, { headers: { ...HEADERS, "cache-control": "no-cache" } });
    const path = pathname === "/" ? "/index.html" : pathname;
    // Only file names that a build writes: no parent folders, no hidden files.
    const [, extension = ""] = /^(?:\/assets)?\/[A-Za-z0-9_-][A-Za-z0-9._-]*\.([a-z0-9]+)$/.exec(path) ?? [];
    const type = TYPES[extension];
    if (!type) return null;
    try {
      const body = await Deno.readFile(`${folder}${path}`);
      const cache = path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache";
      return new Response(await compressed(body), {
        headers: { ...HEADERS, "content-type": type, "cache-control": cache, "content-encoding": "gzip" },
      });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  };
}

const compressed = (body: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> =>
  new Response(new Blob([body]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
