import { SetupError, UsageError } from "./setup-error.ts";

/** The files of a data folder, of which a start that was interrupted can have left any. */
const OWN_FILES = ["state.json", "run.json", "db"];

/**
 * Creates the data folder, or makes a known one private: only its owner may enter its folders and read its files, which hold the keys, the
 * passwords and the data. Returns true when others could enter it. @throws SetupError when the folder cannot be used
 */
export async function secureFolder(folder: string): Promise<boolean> {
  if (folder.trim() === "") throw new UsageError("--data must name a folder");
  try {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const path = await Deno.realPath(folder);
    const info = await Deno.stat(path);
    // A user who may replace the link decides which keys the platform uses.
    refuseOtherOwner(folder, await Deno.lstat(folder));
    refuseOtherOwner(folder, info);
    await refuseOtherFiles(folder, path);
    await makePrivate(path, info);
    return isOpen(info);
  } catch (error) {
    throw error instanceof SetupError ? error : whyUnusable(folder, error as Error);
  }
}

/** Deletes the data folder, if there is one. @throws SetupError when it is not a data folder, or cannot be deleted */
export async function removeFolder(folder: string): Promise<void> {
  try {
    const path = await Deno.realPath(folder);
    await refuseOtherFiles(folder, path);
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error instanceof SetupError ? error : whyUnusable(folder, error as Error);
  }
}

const isOpen = ({ mode }: Deno.FileInfo): boolean => ((mode ?? 0) & 0o077) !== 0;

function refuseOtherOwner(path: string, { uid }: Deno.FileInfo): void {
  if (uid === null || uid === Deno.uid()) return;
  throw new SetupError(`${path} belongs to another user of this machine; choose another folder with --data`);
}

/** A folder such as the home of a person is neither changed nor deleted. */
async function refuseOtherFiles(folder: string, path: string): Promise<void> {
  const names = (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
  const other = names.find((name) => !OWN_FILES.includes(name));
  if (other === undefined || names.includes("state.json")) return;
  throw new SetupError(`${folder} is not a data folder, because it contains ${other}; choose a new folder with --data`);
}

async function makePrivate(path: string, info: Deno.FileInfo): Promise<void> {
  if (info.isSymlink) throw new SetupError(`${path} is a link; a data folder may not contain links`);
  refuseOtherOwner(path, info);
  if (isOpen(info)) await Deno.chmod(path, info.isDirectory ? 0o700 : 0o600);
  if (!info.isDirectory) return;
  for await (const { name } of Deno.readDir(path)) {
    try {
      await makePrivate(`${path}/${name}`, await Deno.lstat(`${path}/${name}`));
    } catch (error) {
      // Another platform that runs on the folder deletes files.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

function whyUnusable(folder: string, error: Error): SetupError {
  const { AlreadyExists, NotADirectory, PermissionDenied } = Deno.errors;
  if (error instanceof AlreadyExists || error instanceof NotADirectory) {
    return new UsageError(`--data must name a folder, but ${folder} is or leads through a file`);
  }
  if (error instanceof PermissionDenied) return new SetupError(`this user may not write in ${folder}; choose another folder with --data`);
  return new SetupError(`the data folder ${folder} cannot be used: ${error.message.split(": ")[0]}`);
}
