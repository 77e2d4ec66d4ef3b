const IGNORED = [".cov", ".git", ".local", "dist", "node_modules"];

/** The path and the text of a source file of this repository. */
export interface Source {
  path: string;
  text: string;
}

async function* paths(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory && !IGNORED.includes(name)) yield* paths(`${folder}/${name}`);
    else if (/\.[cm]?[jt]sx?$/.test(name)) yield `${folder}/${name}`.replace(/^\.\//, "");
  }
}

/** Every TypeScript and JavaScript file of the repository, sorted by path; the working directory is the root of the repository. */
export async function readSources(): Promise<Source[]> {
  const sorted = (await Array.fromAsync(paths("."))).sort();
  return await Promise.all(sorted.map(async (path) => ({ path, text: await Deno.readTextFile(path) })));
}

const { imports: IMPORT_MAP } = JSON.parse(await Deno.readTextFile("deno.json")) as { imports: Record<string, string> };

/** The files of this repository that a source file imports: by static and dynamic imports, and by names of the import map. */
export function importsOf({ path, text }: Source): string[] {
  return [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g)]
    .map(([, specifier = ""]) => IMPORT_MAP[specifier]?.replace(/^\.\//, "file:///") ?? specifier)
    .filter((specifier) => /^(\.|file:)/.test(specifier))
    .map((specifier) => new URL(specifier, `file:///${path}`).pathname.slice(1));
}

/** A dynamic import whose path is not a string literal, so that `importsOf` cannot read it. */
export const hasComputedImport = ({ text }: Source): boolean => /\bimport\(\s*[^"\s]/.test(text);
