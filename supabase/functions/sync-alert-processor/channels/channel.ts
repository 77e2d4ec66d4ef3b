import type { Delivery, Destination, Group } from "../../../../services/contract/alerts.ts";
import type { PlannedItem } from "../../../../services/outbox.ts";
import type { ReportWords } from "../../../../services/weekly-report-words.ts";
import type { WeeklyReport } from "../../../../types/weekly-report.ts";

export type MessageItem = PlannedItem;

/** One message: the firing incidents of a group, and those that resolved since the last message. */
export interface Message {
  /** The id of the body: an attempt with an unchanged body has the same one. */
  id: string;
  group: Group;
  items: MessageItem[];
  /** Notifications beyond the hourly limit that this message combines. */
  over_limit: number;
}

/** The addresses in messages. */
export interface Links {
  /** The page; null without a configured one. */
  page: string | null;
  /** An incident on the page. */
  incident: (id: string) => string | null;
  /** The page that confirms a canary. */
  canary: (id: string) => string | null;
  /** The runbook of a rule: an absolute URL as it is, a relative one under the base address; null without both. */
  runbook: (url: string | null) => string | null;
}

/** The report of a week, with its words. */
export interface ReportMessage extends ReportWords {
  id: string;
  report: WeeklyReport;
}

/** Sends one message to one destination; a failure of the receiver is an outcome and not an exception. */
export type Send = (message: Message, destination: Destination) => Promise<Delivery>;
export type SendReport = (message: ReportMessage, destination: Destination) => Promise<Delivery>;
