// The access of the roles of the API to each table, view, sequence and function of the schemas public and private, and its comparison with
// the catalog.
import { CONTRACT } from "../services/contract/index.ts";
import type { TestDatabase } from "./database.ts";

const SERVICE_ALL = "service_role: all";
const SERVICE_POLICY = "Allow service monitoring access: ALL for service_role if true";
const VIEWER_POLICY = "Allow monitoring read: SELECT for authenticated if ( SELECT private.can_read_monitoring() AS can_read_monitoring)";
const synced = (table: string) => [
  "row level security",
  "anon: SELECT",
  "authenticated: SELECT",
  SERVICE_ALL,
  `Anyone reads ${table}: SELECT for anon, authenticated if true`,
  "Allow service access: ALL for service_role if true",
];
/** Viewers and up read the rows without the hidden columns; the service has every right. */
const monitoring = (...hidden: string[]) => [
  "row level security",
  `authenticated: SELECT${hidden.length ? ` but ${hidden.join(", ")}` : ""}`,
  SERVICE_ALL,
  VIEWER_POLICY,
  SERVICE_POLICY,
];
const appendOnly = [
  "row level security",
  "authenticated: SELECT",
  "service_role: SELECT",
  VIEWER_POLICY,
  SERVICE_POLICY,
];
/** A table outside the API, without policies: only a role that bypasses row level security reaches its rows. */
const own = (rights?: string) => ["row level security", ...rights ? [`service_role: ${rights}`] : []];
const view = ["service_role: SELECT"];

/** The access of each table and view; a new one must be listed here. */
export const RELATIONS: Record<string, string[]> = {
  "public.tournaments": synced("tournaments"),
  "public.matches": synced("matches"),
  "public.alert_coverage": monitoring(),
  "public.alert_deliveries": monitoring(),
  "public.alert_evaluations": monitoring(),
  "public.alert_events": monitoring(),
  "public.alert_incidents": monitoring(),
  "public.alert_rule_versions": monitoring(),
  "public.alert_rules": monitoring(),
  "public.alert_silences": monitoring(),
  "public.entity_pauses": monitoring(),
  "public.limit_settings": monitoring(),
  "public.request_states": monitoring(),
  "public.retention_settings": monitoring().map((line) => line.replace(SERVICE_ALL, "service_role: SELECT, REFERENCES, TRIGGER")),
  "public.sync_error_log": monitoring(),
  "public.sync_execution_history": monitoring(),
  "public.sync_indicators": monitoring(),
  "public.sync_metrics": monitoring(),
  "public.sync_objectives": monitoring(),
  "public.sync_queue_settings": monitoring(),
  "public.sync_status": monitoring(),
  "public.sync_tournament_results": monitoring(),
  "public.tournament_sync_state": monitoring(),
  "public.upstream_state": monitoring(),
  "public.alert_notifications": monitoring("destination_id", "lease_expires_at", "seq", "token"),
  "public.notification_channels": monitoring("config", "previous_secret", "secret", "vault_id"),
  "public.notification_destinations": monitoring("recipient"),
  "public.channel_canaries": monitoring(),
  "public.weekly_reports": monitoring(),
  "public.weekly_report_deliveries": monitoring("lease_expires_at", "token"),
  "public.sync_job_attempts": monitoring("token"),
  "public.sync_jobs": monitoring("token"),
  // The contract fixes the name of this policy.
  "public.manual_sync_audit": monitoring().map((line) =>
    line.replace("Allow service monitoring access", "Allow admin manual sync")
      .replace(SERVICE_ALL, "service_role: SELECT, INSERT, UPDATE, REFERENCES, TRIGGER")
  ),
  // The table has the tokens of requests in flight.
  "public.upstream_slots": monitoring().filter((line) => line !== "authenticated: SELECT"),
  "public.audit_log": appendOnly,
  "public.audit_seals": appendOnly,
  "public.sync_health_summary": view,
  "private.run_metrics": view,
  "private.call_log": own(),
  "private.connectivity_test": own("SELECT, UPDATE"),
  "private.digest_key": own(),
  "private.people_claim": own("SELECT, UPDATE"),
  "private.indicator_rollup": own("SELECT, UPDATE"),
  "private.watchdog": own("SELECT, UPDATE"),
};

/** Functions that run with the rights of their owner; the comment of each gives its reason. */
const DEFINERS = [
  "private.add_seals",
  "private.apply_schedules",
  "private.audit",
  "private.call_function",
  "private.channel_secrets",
  "private.check_cron_jobs",
  "private.check_scheduler",
  "private.digest",
  "private.dispatch_call",
  "private.forget_channel_secrets",
  "private.missing_secrets",
  "private.post_watchdog",
  "private.refresh_health_summary",
  "private.schedule_chain",
  "private.set_retention",
  "private.store_channel_secrets",
];
/** The functions that only migrations call. */
const OWNER_ONLY = ["private.prune_audit_log", "private.secure_functions", "private.secure_table"];
/** The functions that policies call as the signed-in user. */
const OPEN_TO_AUTHENTICATED = ["private.app_role", "private.can_read_monitoring"];

/** The rights of each role: those on the table, those on some columns, and for SELECT the hidden columns. */
const RELATION_FACTS = `
  with relation as (
    select c.oid, n.nspname || '.' || c.relname as name, c.relrowsecurity as is_secured, c.relkind
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'private') and c.relkind in ('r', 'p', 'v', 'm', 'f')
      and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
  ),
  right_of as (
    select r.oid, role, privilege, has_table_privilege(role, r.oid, privilege) as has_all, position,
      array(
        select a.attname from pg_attribute a where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
          and privilege in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') and has_column_privilege(role, r.oid, a.attnum, privilege)
        order by a.attname
      ) as some_columns,
      array(
        select a.attname from pg_attribute a where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
          and privilege = 'SELECT' and not has_column_privilege(role, r.oid, a.attnum, privilege)
        order by a.attname
      ) as hidden_columns
    from relation r cross join unnest(array['anon', 'authenticated', 'service_role']) role
    cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) with ordinality p (privilege, position)
  ),
  words as (
    select oid, role, count(*) filter (where has_all) = 7 as is_all, string_agg(case
      when has_all then privilege
      when privilege = 'SELECT' then 'SELECT but ' || array_to_string(hidden_columns, ', ')
      else privilege || ' (' || array_to_string(some_columns, ', ') || ')'
    end, ', ' order by position) filter (where has_all or cardinality(some_columns) > 0) as rights
    from right_of group by oid, role
  )
  select r.name, array_remove(
    array[case when r.is_secured then 'row level security' end]
    || array(select w.role || ': ' || case when w.is_all then 'all' else w.rights end from words w
      where w.oid = r.oid and w.rights is not null order by w.role)
    || array(
      select p.polname || ': ' || (case p.polcmd when '*' then 'ALL' when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' else 'DELETE' end)
        || ' for ' || (select string_agg(case when o = 0 then 'public' else pg_get_userbyid(o)::text end, ', ' order by 1) from unnest(p.polroles) o)
        || ' if ' || coalesce(pg_get_expr(p.polqual, p.polrelid), 'true')
        || case when p.polwithcheck is not null and pg_get_expr(p.polwithcheck, p.polrelid) <> 'true' then ' with check' else '' end
      from pg_policy p where p.polrelid = r.oid order by p.polname desc
    ), null) as access
  from relation r order by r.name`;

const FUNCTION_FACTS = `
  select n.nspname as schema, n.nspname || '.' || p.proname as name, p.prosecdef as is_definer,
    has_function_privilege('anon', p.oid, 'execute') as anon, has_function_privilege('authenticated', p.oid, 'execute') as authenticated,
    has_function_privilege('service_role', p.oid, 'execute') as service,
    exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0) as everybody
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('public', 'private')
    and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
  order by 2`;

/** The rights of the API roles on other objects than tables and functions. */
const OTHER_HOLES = `
  select format('%s may use the sequence %s', role, c.oid::regclass) as hole
  from pg_class c join pg_namespace n on n.oid = c.relnamespace cross join unnest(array['anon', 'authenticated']) role
  where n.nspname in ('public', 'private') and c.relkind = 'S'
    and (has_sequence_privilege(role, c.oid, 'usage') or has_sequence_privilege(role, c.oid, 'select') or has_sequence_privilege(role, c.oid, 'update'))
  union all
  select format('%s may create in the schema %s', role, n.nspname)
  from pg_namespace n cross join unnest(array['anon', 'authenticated', 'service_role']) role
  where n.nspname in ('public', 'private') and has_schema_privilege(role, n.oid, 'create')
  union all
  select 'anon may use the schema private' where has_schema_privilege('anon', 'private', 'usage')
  union all
  select format('%s bypasses row level security', rolname) from pg_roles where rolname in ('anon', 'authenticated') and (rolbypassrls or rolsuper)`;

interface FunctionFacts {
  schema: string;
  name: string;
  is_definer: boolean;
  anon: boolean;
  authenticated: boolean;
  service: boolean;
  everybody: boolean;
}

function holesOf(fn: FunctionFacts): string[] {
  const isNamed = fn.schema === "private" || Object.hasOwn(CONTRACT, fn.name.replace("public.", ""));
  return [
    [!isNamed, "is not in services/contract"],
    [fn.everybody || fn.anon, "may be executed by anon"],
    [fn.authenticated !== OPEN_TO_AUTHENTICATED.includes(fn.name), `may ${fn.authenticated ? "" : "not "}be executed by authenticated`],
    [fn.service === OWNER_ONLY.includes(fn.name), `may ${fn.service ? "" : "not "}be executed by service_role`],
    [fn.is_definer !== DEFINERS.includes(fn.name), `runs with the rights of its ${fn.is_definer ? "owner" : "caller"}`],
  ].filter(([isHole]) => isHole).map(([, hole]) => `${fn.name} ${hole}`);
}

/** Each table, view, sequence and function whose access is not listed, or differs from the list. */
export async function findDatabaseHoles(db: TestDatabase): Promise<string[]> {
  const relations = await db.query<{ name: string; access: string[] }>(RELATION_FACTS);
  const functions = await db.query<FunctionFacts>(FUNCTION_FACTS);
  const others = await db.query<{ hole: string }>(OTHER_HOLES);
  const named = new Set(relations.map(({ name }) => name));
  return [
    ...relations.flatMap(({ name, access }) => {
      const stated = RELATIONS[name];
      if (!stated) return [`${name} states no access: ${access.join("; ")}`];
      const missing = stated.filter((line) => !access.includes(line)), further = access.filter((line) => !stated.includes(line));
      return [...missing.map((line) => `${name} has not: ${line}`), ...further.map((line) => `${name} has: ${line}`)];
    }),
    ...Object.keys(RELATIONS).filter((name) => !named.has(name)).map((name) => `${name} does not exist`),
    ...functions.flatMap(holesOf),
    ...others.map(({ hole }) => hole),
  ];
}
