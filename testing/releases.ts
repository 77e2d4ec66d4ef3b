import { listMigrations, sha256, SUPABASE } from "../platform/migrate.ts";

/** The digests of the migrations of each release, by version and file. The command `deno task release` writes them. */
type Releases = Record<string, Record<string, string>>;

export const RELEASES = new URL("releases.json", SUPABASE);

/** Every release with the digests of its migrations; empty before the first release. */
export async function readReleases(): Promise<Releases> {
  const text = await Deno.readTextFile(RELEASES).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "{}";
    throw error;
  });
  return JSON.parse(text) as Releases;
}

/** The digest of each migration by its file, in the order of the migrations. */
export async function digestsOfMigrations(): Promise<Record<string, string>> {
  const files = await listMigrations();
  return Object.fromEntries(
    await Promise.all(files.map(async ({ version, name, url }) => [`${version}_${name}.sql`, await sha256(await Deno.readTextFile(url))])),
  );
}

/** A message for each released migration that has changed or is missing, and for each new migration that is not after the released ones. */
export async function brokenReleases(): Promise<string[]> {
  const released = Object.assign({}, ...Object.values(await readReleases())) as Record<string, string>;
  const digests = await digestsOfMigrations();
  const newest = Object.keys(released).sort().at(-1) ?? "";
  return [
    ...Object.keys(released).filter((file) => !digests[file]).map((file) => `${file} is released and missing`),
    ...Object.keys(released).filter((file) => digests[file] && digests[file] !== released[file]).map((file) =>
      `${file} is released and has changed: write a new migration with deno task migration`
    ),
    ...Object.keys(digests).filter((file) => !released[file] && file < newest).map((file) => `${file} is new and must follow ${newest}`),
  ];
}
