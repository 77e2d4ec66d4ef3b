import type { Delivery, Destination, Group } from "../../../../services/contract/alerts.ts";
import type { PlannedItem } from "../../../../services/outbox.ts";
import type { ReportWords } from "../../../../services/weekly-report-words.ts";
import type { WeeklyReport } from "../../../../types/weekly-report.ts";

export type MessageItem = PlannedItem;

/** One message: the firing incidents of a group, and those that resolved since the last message. */
export interface Message {
  /** The id of the body; attempts with an unchanged body have the same id. */
  id: string;
  group: Group;
  items: MessageItem[];
  /** The number of notifications over the hourly limit that this message combines. */
  over_limit: number;
}

/** The addresses in messages. */
export interface Links {
  /** The address of the page; null when none is configured. */
  page: string | null;
  /** The address of an incident on the page. */
  incident: (id: string) => string | null;
  /** The address of the view that confirms a canary; null without a base address. */
  canary: (id: string) => string | null;
  /** The address of the runbook of a rule: an absolute URL unchanged, a relative one under the base address; null without either. */
  runbook: (url: string | null) => string | null;
}

/** The report of a week, with its words. */
export interface ReportMessage extends ReportWords {
  id: string;
  report: WeeklyReport;
}

/** Sends one message to one destination; a failure of the receiver is an outcome, not an exception. */
export type Send = (message: Message, destination: Destination) => Promise<Delivery>;
export type SendReport = (message: ReportMessage, destination: Destination) => Promise<Delivery>;
