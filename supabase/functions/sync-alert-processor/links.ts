import type { Env } from "../../../services/env.ts";
import type { Links } from "./channels/channel.ts";

/** The address of a relative path below a base address, with or without a last slash. */
function below(base: string, path: string): string {
  const folder = new URL(base);
  folder.hash = folder.search = "";
  if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  return new URL(`./${path.replace(/^\/+/, "")}`, folder).href;
}

/** The form of a link of a shipped rule to a section of docs/runbook.md; the page has these sections. */
const SECTION = /^docs\/runbook\.md#([\w-]+)$/;

/** The addresses in messages, from DASHBOARD_URL and RUNBOOK_URL. */
export function linksOf({ DASHBOARD_URL: page, RUNBOOK_URL: runbooks }: Pick<Env, "DASHBOARD_URL" | "RUNBOOK_URL">): Links {
  return {
    page: page ?? null,
    // The page routes by the hash of the URL, so that any static file host can serve it.
    incident: (id) => page ? new URL(`#/alerts/${encodeURIComponent(id)}`, page).href : null,
    canary: (id) => page ? new URL(`#/canaries/${encodeURIComponent(id)}`, page).href : null,
    runbook: (url) => {
      if (!url) return null;
      const absolute = URL.parse(url);
      if (absolute) return /^https?:$/.test(absolute.protocol) ? absolute.href : null;
      if (runbooks) return below(runbooks, url);
      const section = SECTION.exec(url)?.[1];
      return page && section ? new URL(`#/runbook/${section}`, page).href : null;
    },
  };
}
