import { useQueryClient } from "@tanstack/preact-query";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { SyncHealthResponse } from "../../types/monitoring.ts";
import { ApiError } from "./api.ts";
import { Dialog } from "./components/dialog.tsx";
import { PasswordForm } from "./components/password.tsx";
import { Status } from "./components/status.tsx";
import { useNow } from "./components/time.tsx";
import { duration } from "./format.ts";
import { LIVE_MS, useRead } from "./queries.ts";
import { useUser } from "./session.ts";
import { type Theme, THEMES, useTheme } from "./theme.ts";

const VIEWS: { href: string; name: string; least?: "admin" }[] = [
  { href: "/", name: "Overview" },
  { href: "/tournaments", name: "Tournaments" },
  { href: "/errors", name: "Errors" },
  { href: "/alerts", name: "Alerts" },
  { href: "/sync", name: "Sync now" },
  { href: "/audit", name: "Audit" },
  { href: "/system", name: "System" },
  { href: "/people", name: "People", least: "admin" },
];

/** The health overview, which the header of every view shows; live while a sync runs or an incident fires. */
export const useOverview = () =>
  useRead("sync-monitoring/health-overview", SyncHealthResponse, {
    isLive: ({ active_alerts, sync_entities }) =>
      active_alerts.length > 0 ||
      Object.values(sync_entities).some((entity) => entity.running),
  });

/** The frame of every view: navigation, overall health and the signed-in user. */
export function Shell({ children }: { children: ComponentChildren }) {
  const [path] = useLocation();
  const { email, role, auth, can, signOut } = useUser();
  const [isChangingPassword, setChangingPassword] = useState(false);
  const { data } = useOverview();
  const [, theme, choose] = useTheme();
  const alerts = data?.active_alerts.length ?? 0;
  return (
    <>
      <a
        class="skip"
        href="#content"
        onClick={(event) => {
          event.preventDefault();
          document.querySelector<HTMLElement>("h1")?.focus();
        }}
      >
        Skip to the content
      </a>
      <header class="top">
        <div class="brand">
          <strong>Beach volleyball sync</strong>
          {data && <Status of={data.overall_status} />}
        </div>
        <nav aria-label="Views">
          <ul>
            {VIEWS.filter(({ least }) => !least || can(least)).map(({ href, name }) => (
              <li key={href}>
                <Link
                  href={href}
                  aria-current={(href === "/" ? path === "/" : path.startsWith(href)) ? "page" : undefined}
                >
                  {name}
                  {href === "/alerts" && alerts > 0 && (
                    <span class="count">
                      <span class="unseen">, active:</span> {alerts}
                    </span>
                  )}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <div class="me">
          <label class="theme">
            <span class="unseen">Theme</span>
            <select
              value={theme}
              onChange={(event) => choose(event.currentTarget.value as Theme)}
            >
              {THEMES.map((name) => (
                <option key={name} value={name} selected={name === theme}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <span class="who">
            {email} <small>({role ?? "no role"})</small>
          </span>
          <button type="button" class="secondary outline" onClick={() => setChangingPassword(true)}>
            Change password
          </button>
          <button type="button" class="secondary outline" onClick={signOut}>
            Sign out
          </button>
        </div>
      </header>
      {isChangingPassword && (
        <Dialog title="Change password" onClose={() => setChangingPassword(false)}>
          <PasswordForm auth={auth} email={email} onDone={() => setChangingPassword(false)} />
        </Dialog>
      )}
      <ConnectionWarning />
      <main id="content">{children}</main>
    </>
  );
}

/** A warning with the age of the data, visible while the server cannot be reached. */
function ConnectionWarning() {
  const { error, dataUpdatedAt, isError } = useOverview();
  const queries = useQueryClient();
  const now = useNow();
  const [wasLost, setLost] = useState(false);
  const isLost = isError && !(error instanceof ApiError && error.status < 500);
  useEffect(() => {
    // Queries that failed during the outage are read again at once.
    if (wasLost && !isLost) void queries.invalidateQueries();
    setLost(isLost);
  }, [isLost]);
  if (!isLost) return null;
  const age = dataUpdatedAt ? `The data is ${duration(now - dataUpdatedAt)} old.` : "";
  return (
    <div class="connection" role="status">
      <Status of="WARNING" label="The server cannot be reached." /> {age} The page retries every {LIVE_MS / 1000} s.
    </div>
  );
}
