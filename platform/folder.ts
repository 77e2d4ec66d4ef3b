import { SetupError, UsageError } from "./setup-error.ts";

/** The files of a data folder; an interrupted start can leave any of them. */
const OWN_FILES = ["state.json", "run.json", "db"];

/**
 * Creates the data folder, or makes an existing one private: only its owner can read it, because it has the keys, the passwords and the
 * data. Returns true when other users could enter the folder before. @throws SetupError when the folder cannot be used
 */
export async function secureFolder(folder: string): Promise<boolean> {
  if (folder.trim() === "") throw new UsageError("--data must name a folder");
  try {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const path = await Deno.realPath(folder);
    const info = await Deno.stat(path);
    // The owner of a link can replace it, and with it the keys of the platform.
    refuseOtherOwner(folder, await Deno.lstat(folder));
    refuseOtherOwner(folder, info);
    await refuseOtherFiles(folder, path);
    await makePrivate(path, info);
    return isOpen(info);
  } catch (error) {
    throw error instanceof SetupError ? error : whyUnusable(folder, error as Error);
  }
}

/** Deletes the data folder if it exists. @throws SetupError when the folder is no data folder, or cannot be deleted */
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

/** Refuses a folder with other files, such as the home of a person, so that it is neither changed nor deleted. */
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
      // Another platform on the folder can delete files at the same time.
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
