import type { Clock } from "../../../services/clock.ts";
import type { ClaimedReport } from "../../../services/contract/weekly-report.ts";
import type { Log } from "../../../services/log.ts";
import type { Rpc } from "../../../services/rpc.ts";
import { weeklyReportOf } from "../../../services/weekly-report.ts";
import { reportWords } from "../../../services/weekly-report-words.ts";
import type { Channels } from "./notification-service.ts";

const BATCH = 20;

/** Claims and sends the due weekly reports until none is due; returns the number of messages. @throws DatabaseError */
export async function deliverReports(rpc: Rpc, clock: Clock, log: Log, { reports }: Channels): Promise<number> {
  let messages = 0;
  for (;;) {
    const claimed = await rpc("claim_weekly_reports", { p: { limit: BATCH }, as_of: clock.asOf() });
    await Promise.all(claimed.map((report) => deliver(rpc, clock, log, reports, report)));
    messages += claimed.length;
    if (claimed.length < BATCH) return messages;
  }
}

async function deliver(rpc: Rpc, clock: Clock, log: Log, reports: Channels["reports"], claimed: ClaimedReport): Promise<void> {
  const { id, token, kind, channel, facts } = claimed;
  const report = weeklyReportOf(facts);
  const delivery = await reports[kind]({ id, report, ...reportWords(report) }, claimed);
  // If this call fails, the lease expires and the report is not sent again, because the destination may have it.
  await rpc("record_weekly_report", { p: { token, ...delivery }, as_of: clock.asOf() });
  log(delivery.outcome === "SENT" ? "info" : "warn", "weekly_report", { id, channel, ...delivery });
}
