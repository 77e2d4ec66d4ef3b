type Query = <T>(sql: string, p?: unknown[]) => Promise<T[]>;

/** An error of the log that is the cause of bad events. */
export const CAUSE = { fingerprint: "VIS_TIMEOUT:of objectives", message: "VIS did not answer within 15 s" };

/** The hours of the inactive `matches_live`, which has no events of its own: the hours ago, the events, the bad events and their causes. */
const HOURS: [indicator: string, hoursAgo: number, events: number, bad: number, causes: object][] = [
  ["sync_success", 200, 1_000, 22, { [CAUSE.fingerprint]: 20, "": 2 }],
  ["delivery", 300, 300, 0, {}],
  ["delivery", 10, 200, 2, { hook: 2 }],
  ["detection", 200, 200, 1, { "": 1 }],
];

/** An objective of each status by name, at a target of 99 % in 28 days, with the hours of the rollup for that status. */
export async function seedObjectives(query: Query): Promise<Record<"Missed here" | "At risk here" | "Met here" | "Unknown here", string>> {
  await query("update private.indicator_rollup set rolled_until = date_trunc('hour', now()) - interval '2 hours'");
  await query("delete from sync_indicators where entity_type = 'matches_live'");
  for (const [indicator, hoursAgo, events, bad, causes] of HOURS) {
    await query(
      `insert into sync_indicators (indicator, entity_type, bucket, events, bad_events, causes)
      values ($1, 'matches_live', date_trunc('hour', now()) - $2 * interval '1 hour', $3, $4, $5)`,
      [indicator, hoursAgo, events, bad, causes],
    );
  }
  await query(
    `insert into sync_error_log (entity_type, error_type, error_code, error_severity, retryable, error_message, fingerprint, occurred_at)
    select 'matches_live', 'NETWORK', 'VIS_TIMEOUT', 'HIGH', true, $2::text, $1::text, now()
    where not exists (select from sync_error_log where fingerprint = $1::text)`,
    [CAUSE.fingerprint, CAUSE.message],
  );
  const rows = await query<{ id: string; name: string }>(
    `insert into sync_objectives (name, entity_type, indicator, target)
    values ('Missed here', 'matches_live', 'sync_success', 0.99), ('At risk here', 'matches_live', 'delivery', 0.99),
      ('Met here', 'matches_live', 'detection', 0.99), ('Unknown here', 'matches_live', 'timeliness', 0.99)
    on conflict (name) do update set target = excluded.target returning id, name`,
  );
  return Object.fromEntries(rows.map(({ id, name }) => [name, id])) as Awaited<ReturnType<typeof seedObjectives>>;
}
