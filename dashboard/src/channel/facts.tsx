import type { ComponentChildren } from "preact";
import { Link } from "wouter-preact";
import { EntityListResponse } from "../../../types/admin.ts";
import type { AlertRule } from "../../../types/alerts.ts";
import { REPORT_KINDS } from "../../../types/channel-kinds.ts";
import { SEVERITIES } from "../../../types/sync.ts";
import { Distance, Moment } from "../components/time.tsx";
import { counted, number, sentence, title, UNKNOWN } from "../format.ts";
import { pathOf, useRead } from "../queries.ts";
import { isNotifying } from "../rule-state.ts";
import { type Channel, isProven } from "./health.ts";

/** The active rules that notify the channel at once, by severity, and the rules and syncs that notify it in another way. */
function Receives({ name, rules }: { name: string; rules: AlertRule[] | undefined }) {
  const syncs = useRead("sync-admin/entities", EntityListResponse, { every: 60_000 }).data?.entities
    .filter(({ notification_channels }) => notification_channels?.includes(name)) ?? [];
  if (!rules) return <>{UNKNOWN}</>;
  const first = rules.filter(({ notification_channels }) => notification_channels.includes(name));
  const later = rules.filter((rule) => !first.includes(rule) && isNotifying(rule, name));
  const others = [
    ...first.length && later.length ? [`${counted(later.length, "rule")} on escalation`] : [],
    ...syncs.map(({ title }) => `every incident of ${title}`),
  ];
  return (
    <>
      {first.length + later.length > 0
        ? <Link href={pathOf("/alerts/rules", { channel: name })}>{counted(first.length || later.length, "rule")}</Link>
        : <span class="muted">no rule</span>}
      {first.length === 0 && later.length > 0 && <small>on escalation</small>}
      {first.length > 0 && (
        <ul class="severities" aria-label="Rules by severity">
          {SEVERITIES.toReversed().map((severity) => {
            const count = first.filter((rule) => rule.severity === severity).length;
            return count > 0 && (
              <li key={severity}>
                <span class="pill">{title(severity)}</span> {number(count)}
              </li>
            );
          })}
        </ul>
      )}
      {others.length > 0 && <small>also {others.join(", ")}</small>}
    </>
  );
}

/** The proof of the kinds that have another proof than the answer to a message. */
const PROVEN_BY: Partial<Record<Channel["kind"], string>> = {
  alertmanager: "by its API",
  pagerduty: "by a change event",
  email: "by the link in a message",
};
const STAGES = { RULE: "rule", EVALUATION: "evaluation", OUTBOX: "outbox", CHANNEL: "channel", READER: "reader" };

/** The last proof of the channel by a canary, else by a delivery, and the failure of its last canary. */
function Proof({ channel }: { channel: Channel }) {
  const { kind, canary_every, canary: { proven_at, failed_at, failed_stage, error } } = channel;
  return (
    <>
      {proven_at
        ? (
          <>
            <Distance at={proven_at} /> <small>{PROVEN_BY[kind] ?? "by its answer"}</small>
          </>
        )
        : failed_at && channel.proven_at === null
        ? "never"
        : <Delivered channel={channel} />}
      {failed_at && failed_stage && (
        <small class="bad">
          The test of <Moment at={failed_at} /> failed at the stage {STAGES[failed_stage]}: {error}.
        </small>
      )}
      {canary_every && <small>tested every {canary_every.replace(/^1 /, "")}</small>}
    </>
  );
}

/** The last delivery of a channel that no canary has proven, with advice when it is missing or older than the last change. */
function Delivered({ channel }: { channel: Channel }) {
  if (channel.proven_at === null) {
    return (
      <>
        never <small>No message was delivered yet. Send a test message.</small>
      </>
    );
  }
  if (isProven(channel)) return <Moment at={channel.proven_at} />;
  return (
    <>
      before its last change <small>The channel was changed after its last delivery. Send a test message.</small>
    </>
  );
}

/** The rules that notify a channel, and the state of its deliveries. */
export function ChannelFacts({ channel, rules, isTested }: { channel: Channel; rules: AlertRule[] | undefined; isTested: boolean }) {
  const { name, kind, last_delivery_at, last_error, hourly_limit, group_window, weekly_report, has_previous_secret } = channel;
  const facts: [name: string, value: ComponentChildren][] = [
    ["Receives", kind === "alertmanager" ? "every incident, each minute" : <Receives name={name} rules={rules} />],
    [
      "Last delivery",
      <>
        {last_delivery_at ? <Distance at={last_delivery_at} /> : <span class="muted">none yet</span>}
        {/* The result of a test, which is shown above, has the same error. */}
        {last_error !== null && !isTested && <small class="bad">{sentence(last_error)}</small>}
      </>,
    ],
    ["Last proven", <Proof channel={channel} />],
    // Alertmanager groups, limits and repeats its notifications.
    ...kind === "alertmanager" ? [] : [[
      "Limit",
      <>
        {number(hourly_limit)} an hour <small>grouped for {group_window}</small>
        {has_previous_secret && <small>The previous secret still signs too.</small>}
      </>,
    ] as [string, ComponentChildren]],
    ...REPORT_KINDS.some((name) => name === kind)
      ? [["Weekly report", weekly_report ? "on Monday" : <span class="muted">not sent</span>] as [string, ComponentChildren]]
      : [],
  ];
  return (
    <dl>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt> <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
