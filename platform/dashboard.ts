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
/** The sources of the build. */
const SOURCES = ["src", "public", "index.html", "headers.ts", "vite.config.ts", "deno.json", "deno.lock", "../types", "../docs"];

/** The time of the newest change of a file or in a folder, in ms; 0 when the path is missing or empty. */
async function changedAt(path: string): Promise<number> {
  try {
    const { isDirectory, mtime } = await Deno.stat(path);
    if (!isDirectory) return mtime?.getTime() ?? 0;
    const entries = await Array.fromAsync(Deno.readDir(path));
    return Math.max(0, ...await Promise.all(entries.map(({ name }) => changedAt(`${path}/${name}`))));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

/** Builds the page when its build is missing or older than its sources; `onBuild` is called first. @throws Error with the output of the build */
export async function buildDashboard(onBuild: () => void): Promise<void> {
  const sources = await Promise.all(SOURCES.map((source) => changedAt(`${FOLDER}/${source}`)));
  if (await changedAt(`${FOLDER}/dist`) > Math.max(...sources)) return;
  onBuild();
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "build"],
    cwd: FOLDER,
    // The page calls the address from which it was loaded, so a project in the environment of the shell is ignored.
    env: { NO_COLOR: "1", SUPABASE_URL: "" },
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr.length ? stderr : stdout).trim());
}

/** The headers for a path from the file `_headers` of a build, in the format of Netlify and Cloudflare Pages. */
export function headersOf(file: string, path: string): Headers {
  const headers = new Headers();
  let applies = false;
  for (const line of file.split("\n")) {
    if (/^\S/.test(line)) applies = line.endsWith("*") ? path.startsWith(line.slice(0, -1)) : path === line;
    const [, name, value] = /^\s+([\w-]+): (.*)$/.exec(line) ?? [];
    if (applies && name && value) headers.append(name, value);
  }
  return headers;
}

/** Serves the files of the page with the headers of its build, and `config.json` with the address of the request. */
export function createDashboard(publishableKey: string, folder = `${FOLDER}/dist`) {
  return async ({ pathname, origin }: URL): Promise<Response | null> => {
    const path = pathname === "/" ? "/index.html" : pathname;
    // Only file names that a build writes: no parent folders, no hidden files.
    const [, extension = ""] = /^(?:\/assets)?\/[A-Za-z0-9_-][A-Za-z0-9._-]*\.([a-z0-9]+)$/.exec(path) ?? [];
    const type = TYPES[extension];
    if (!type) return null;
    try {
      const headers = headersOf(await Deno.readTextFile(`${folder}/_headers`), path);
      headers.set("content-type", type);
      if (!headers.has("cache-control")) headers.set("cache-control", "no-cache");
      if (path === "/config.json") {
        return new Response(JSON.stringify({ url: origin, publishable_key: publishableKey }), { headers });
      }
      return new Response(await Deno.readFile(`${folder}${path}`), { headers });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  };
}
