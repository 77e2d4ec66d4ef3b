import type { ClaimedNotification, Delivery } from "../../../../services/contract/alerts.ts";

/** Returns the URL of an incident on the dashboard; null without a configured dashboard. */
export type LinkOf = (incidentId: string) => string | null;

/** Sends one message; a failure of the receiver is an outcome and not an exception. */
export type Send = (notification: ClaimedNotification) => Promise<Delivery>;
