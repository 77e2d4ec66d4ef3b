const IGNORED = [".cov", ".git", ".local", "dist", "node_modules"];

/** The path and the text of a source file of this repository. */
interface Source {
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

/** The path of the file of this repository that an import names, also by the import map; null for a package. */
export function resolveImport(importer: string, specifier: string): string | null {
  const target = IMPORT_MAP[specifier]?.replace(/^\.\//, "file:///") ?? specifier;
  return /^(\.|file:)/.test(target) ? new URL(target, `file:///${importer}`).pathname.slice(1) : null;
}

/** The files of this repository that a source file imports, by static imports and by dynamic imports of a string literal. */
export const importsOf = ({ path, text }: Source): string[] =>
  [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g)].flatMap(([, specifier = ""]) => resolveImport(path, specifier) ?? []);

/** Whether a dynamic import computes its path, so that `importsOf` cannot read it. */
export const hasComputedImport = ({ text }: Source): boolean => /\bimport\(\s*[^"\s]/.test(text);
