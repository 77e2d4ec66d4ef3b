import { connect } from "../platform/database.ts";
import { listMigrations } from "../platform/migrate.ts";
import { generateTypes } from "./generated-types.ts";
import { supabase } from "./supabase-cli.ts";

/** The fault that the check found, or null. */
type Finding = string | null;

const failure = async (args: string[], expected: RegExp | string[] = []): Promise<Finding> => {
  const { success, text } = await supabase(args);
  const isExpected = Array.isArray(expected) ? expected.every((part) => text.includes(part)) : expected.test(text);
  return success && isExpected ? null : text;
};

/** The SQL of cron jobs, which run as the owner, and the SQL of the functions, which run as service_role. */
const FIRST_MINUTE = `do $$
begin
  perform vault.create_secret('http://127.0.0.1:9', 'project_url'), vault.create_secret('sb_secret_test', 'secret_key');
  assert private.dispatch_due_syncs() = 1, 'the first sync is not called';
  perform private.prune_batch(subject, now(), 100) from public.retention_settings;
  perform private.reap_dead_runs(), private.process_queue(), private.watch_processor(), private.refresh_health_summary();
  set local role service_role;
  perform public.start_sync_execution(jsonb_build_object(
    'execution_id', gen_random_uuid(), 'entity_type', 'tournaments', 'trigger', 'MANUAL'));
  assert public.get_health_overview() is not null, 'the health is not read';
  assert public.measure_alert_rules() is not null, 'the rules are not measured';
end
$$`;

async function runFirstMinute(url: string): Promise<Finding> {
  const owner = await connect(url);
  return await owner.exec(FIRST_MINUTE).then(() => null, (error: Error) => error.message).finally(() => owner.close());
}

interface ProjectCheck {
  name: string;
  /** The extension that the check needs. */
  needs?: string;
  find: (url: string) => Promise<Finding>;
}

/** The checks of a new hosted project by the official CLI, in this order. */
export const PROJECT_CHECKS: readonly ProjectCheck[] = [
  {
    name: "db push applies each migration",
    find: async (url) =>
      failure(
        ["db", "push", remote(url), "--yes"],
        (await listMigrations()).map(({ version, name }) => `Applying migration ${version}_${name}.sql`),
      ),
  },
  { name: "db push finds nothing more to apply", find: (url) => failure(["db", "push", remote(url), "--yes"], /up to date/i) },
  { name: "the SQL works with the rights of the owner and of service_role", find: runFirstMinute },
  {
    name: "db lint finds nothing",
    needs: "plpgsql_check",
    find: (url) => failure(["db", "lint", remote(url), "--level", "warning", "--fail-on", "warning"], /No schema errors found/),
  },
  { name: "db advisors find nothing", find: (url) => failure(["db", "advisors", remote(url), "--fail-on", "warn"]) },
  {
    name: "gen types equals types/database.ts",
    find: async (url) =>
      await generateTypes(url) === await Deno.readTextFile("types/database.ts")
        ? null
        : "types/database.ts is not current: run deno task types",
  },
];

const remote = (url: string): string => `--remote=${url}?sslmode=disable`;
