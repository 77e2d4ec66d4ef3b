import { CircleUser, Ellipsis } from "lucide-preact";
import { useQueryClient } from "@tanstack/preact-query";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { go } from "./address.ts";
import { ApiError } from "./api.ts";
import { Announcer } from "./components/announcer.tsx";
import { Dialog } from "./components/dialog.tsx";
import { Finder } from "./components/finder.tsx";
import { Menu } from "./components/menu.tsx";
import { PasswordForm } from "./components/password.tsx";
import { Status } from "./components/status.tsx";
import { useNow } from "./components/time.tsx";
import { useKeptFocus } from "./focus.ts";
import { counted, duration, zoneName } from "./format.ts";
import { useNarrow } from "./narrow.ts";
import { type View, VIEWS } from "./navigation.ts";
import { useOverview } from "./overview.ts";
import { LIVE_MS } from "./queries.ts";
import { useUser } from "./session.ts";
import { countedOf, worstOf } from "./tab.ts";
import { THEMES, useTheme } from "./theme.ts";

/** The views below a view of the navigation that do not begin with its address. */
const BELOW: Record<string, RegExp> = { "/": /^\/($|entities|runs)/, "/alerts": /^\/(alerts|runbook)/, "/sync": /^\/(sync|jobs)/ };

/** The number of views that a narrow screen shows before a menu of the others. */
const NARROW = 4;

/** The frame of every view: navigation, overall health and the signed-in user. */
export function Shell({ children }: { children: ComponentChildren }) {
  const [path] = useLocation();
  const { can } = useUser();
  const { data } = useOverview();
  useKeptFocus();
  const active = data?.active_alerts ?? [], alerts = countedOf(active), worst = worstOf(active);
  const firing = alerts.filter(({ state }) => state === "FIRING").length;
  const isCurrent = (href: string) => BELOW[href]?.test(path) ?? path.startsWith(href);
  const views = VIEWS.filter(({ isTab, least }) => !isTab && (!least || can(least)));
  const isNarrow = useNarrow();
  const shown = isNarrow ? views.slice(0, NARROW) : views, others = views.slice(shown.length);
  return (
    <div class="shell" data-severity={worst ?? undefined}>
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
      <header class="side">
        <div class="brand">
          <strong>Beach volleyball sync</strong>
          {data && (worst && firing > 0
            ? <Status of={worst} label={`${counted(firing, "incident")} firing`} />
            : <Status of={data.overall_status} />)}
        </div>
        <Finder />
        <nav aria-label="Views">
          {shown.map(({ href, name, icon: Icon }) => (
            <Link key={href} href={href} aria-current={isCurrent(href) ? "page" : undefined}>
              <Icon aria-hidden="true" />
              {name}
              {href === "/alerts" && alerts.length > 0 && (
                <span class="count">
                  <span class="unseen">, active:</span> {alerts.length}
                </span>
              )}
            </Link>
          ))}
          {others.length > 0 && <MoreViews of={others} current={others.find(({ href }) => isCurrent(href))} />}
        </nav>
        <Account />
      </header>
      <div>
        <ConnectionWarning />
        <main id="content">{children}</main>
      </div>
      <Announcer />
    </div>
  );
}

/** A menu of the views without room in the navigation, with the name of the open view for a screen reader. */
function MoreViews({ of: views, current }: { of: View[]; current: View | undefined }) {
  return (
    <Menu
      label={current ? `More views, now ${current.name}` : "More views"}
      buttonClass={current ? "more current" : "more"}
      items={views.map(({ href, name }) => ({ id: href, label: name, onSelect: () => go(href) }))}
    >
      <Ellipsis aria-hidden="true" />
      More
    </Menu>
  );
}

/** The time zone of the page, and a menu of the signed-in user. */
function Account() {
  const { email, role, auth, signOut } = useUser();
  const [isChangingPassword, setChangingPassword] = useState(false);
  const [, theme, choose] = useTheme();
  return (
    <div class="foot">
      <p>Times in {zoneName()}</p>
      <Menu
        label={`Account of ${email}`}
        buttonClass="account"
        items={[
          ...THEMES.map((name, index) => ({
            id: name,
            label: name === "auto" ? "As the system" : name === "light" ? "Light" : "Dark",
            isChecked: name === theme,
            onSelect: () => choose(name),
            ...index === 0 ? { group: "Theme" } : {},
          })),
          { id: "password", label: "Change password", group: `${email} · ${role ?? "no role"}`, onSelect: () => setChangingPassword(true) },
          { id: "sign-out", label: "Sign out", onSelect: signOut },
        ]}
      >
        <CircleUser aria-hidden="true" />
        <span>{email}</span>
      </Menu>
      {isChangingPassword && (
        <Dialog title="Change password" onClose={() => setChangingPassword(false)}>
          <PasswordForm auth={auth} email={email} onDone={() => setChangingPassword(false)} />
        </Dialog>
      )}
    </div>
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
    // The page repeats the failed queries of the outage at once.
    if (wasLost && !isLost) void queries.invalidateQueries();
    setLost(isLost);
  }, [isLost]);
  if (!isLost) return null;
  const age = dataUpdatedAt ? `The data is ${duration(now - dataUpdatedAt)} old. ` : "";
  return (
    <div class="connection" role="status">
      <Status of="WARNING" label="The server cannot be reached." /> {age}The page retries every {LIVE_MS / 1000} s.
    </div>
  );
}
