import { connect } from "../platform/database.ts";

interface ProjectOptions {
  /** Whether the database has the real pg_cron; its name must then be that of the database of the scheduler. */
  hasCron?: boolean;
  /** Whether the API roles receive all rights on each new table, function and sequence, as in a project from before 2026-10-30. */
  grantsByDefault?: boolean;
}

const GRANTS = ["tables", "functions", "sequences"].map((kind) =>
  `alter default privileges for role project_owner in schema public grant all on ${kind} to anon, authenticated, service_role;`
).join("");

/**
 * Creates a database like that of a new hosted project, whose owner is no superuser, and returns its address for that owner. Other
 * extensions have stand-ins.
 */
export async function createHostedProject(superuserUrl: string, name: string, options: ProjectOptions = {}): Promise<string> {
  const url = new URL(superuserUrl);
  if (url.pathname !== `/${name}`) {
    const admin = await connect(superuserUrl);
    await admin.exec(`create database ${name}`);
    await admin.close();
    url.pathname = `/${name}`;
  }
  const database = await connect(url.href);
  try {
    await database.exec(await Deno.readTextFile("platform/bootstrap.sql"));
    if (options.hasCron) await database.exec("create extension pg_cron with schema pg_catalog");
    for (const schema of options.hasCron ? ["net", "vault"] : ["cron", "net", "vault"]) {
      await database.exec(await Deno.readTextFile(`platform/standins/${schema}.sql`));
    }
    await database.exec(await Deno.readTextFile("testing/hosted-project.sql"));
    if (options.grantsByDefault) await database.exec(GRANTS);
    await database.exec(`grant all on database ${name} to project_owner`);
  } finally {
    await database.close();
  }
  url.username = "project_owner";
  return url.href;
}
