import { BellOff, CircleCheck, Keyboard, LogOut, Monitor, Moon, Play, Plus, Sun, Target, TriangleAlert } from "lucide-preact";
import { useLocation } from "wouter-preact";
import { AlertDetailResponse } from "../../../types/alerts.ts";
import { SEVERITIES } from "../../../types/sync.ts";
import { go } from "../address.ts";
import { announce } from "../announce.ts";
import { VIEWS } from "../navigation.ts";
import { budgetText } from "../objective/budget.ts";
import { useObjectives } from "../objective/list.ts";
import { useOverview } from "../overview.ts";
import { describeError, pathOf, UnusedResponse, useAct, useRead } from "../queries.ts";
import { useUser } from "../session.ts";
import { SHORTCUTS } from "../shortcuts.ts";
import { countedOf } from "../tab.ts";
import { THEMES, useTheme } from "../theme.ts";
import type { Option } from "./option.ts";

const THEME_ICONS = { auto: Monitor, light: Sun, dark: Moon };
const THEME_NAMES = { auto: "Use the theme of the system", light: "Use the light theme", dark: "Use the dark theme" };

/** The acts on the incident of the open view, if it is one. */
function useIncidentActs(): Option[] {
  const { can } = useUser();
  const id = /^\/alerts\/([0-9a-f-]{36})$/.exec(useLocation()[0])?.[1] ?? "";
  const incident = useRead(`sync-monitoring/alerts/${id}`, AlertDetailResponse, { isEnabled: id !== "" }).data;
  const acknowledge = useAct(() => ({ method: "POST", path: `sync-admin/alerts/${id}/acknowledge`, body: {} }), UnusedResponse);
  if (!incident || incident.id !== id || !can("operator") || incident.state === "RESOLVED") return [];
  const group = "This incident", { cause, state } = incident;
  const silence = {
    id: "silence-incident",
    group,
    icon: BellOff,
    title: "Silence this incident",
    detail: cause,
    choose: () => go(pathOf("/alerts/silences", { incident: id })),
  };
  if (state !== "FIRING") return [silence];
  return [{
    id: "acknowledge-incident",
    group,
    icon: CircleCheck,
    title: "Acknowledge this incident",
    detail: cause,
    choose: () =>
      void acknowledge.mutateAsync().then(
        () => announce(`Acknowledged: ${cause}`),
        (error: unknown) => announce(`Not acknowledged: ${describeError(error).message}`),
      ),
  }, silence];
}

/** The worst active incidents, which a palette without a text shows. */
export function useActiveIncidents(): Option[] {
  const active = countedOf(useOverview().data?.active_alerts ?? []);
  return active.toSorted((a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity)).slice(0, 3).map((incident) => ({
    id: `incident-${incident.id}`,
    group: "Active incidents",
    icon: TriangleAlert,
    title: incident.cause,
    detail: incident.scope,
    status: incident.state,
    at: incident.began_at,
    choose: () => go(`/alerts/${incident.id}`),
  }));
}

/** The acts of the signed-in user in any view, and the views. */
export function useCommands(onShortcuts: () => void): Option[] {
  const { can, signOut } = useUser();
  const entities = Object.entries(useOverview().data?.sync_entities ?? {});
  const [, theme, chooseTheme] = useTheme();
  const acts = useIncidentActs();
  const objectives = useObjectives().data?.objectives ?? [];
  const group = "Commands";
  const link = (id: string, icon: Option["icon"], title: string, href: string): Option => ({
    id,
    group,
    icon,
    title,
    choose: () => go(href),
  });
  return [
    ...acts,
    ...can("operator")
      ? [
        ...entities.map(([type, { title }]) => link(`sync-${type}`, Play, `Sync now: ${title}`, pathOf("/sync", { entity: type }))),
        link("new-silence", BellOff, "New silence", "/alerts/silences?new=1"),
      ]
      : [],
    ...can("admin")
      ? [link("new-rule", Plus, "New rule", "/alerts/rules/new"), link("new-objective", Plus, "New objective", "/objectives?new=1")]
      : [],
    ...THEMES.filter((name) => name !== theme).map((name) => ({
      id: `theme-${name}`,
      group,
      icon: THEME_ICONS[name],
      title: THEME_NAMES[name],
      choose: () => chooseTheme(name),
    })),
    { id: "shortcuts", group, icon: Keyboard, title: "Keyboard shortcuts", keys: ["?"], choose: onShortcuts },
    { id: "sign-out", group, icon: LogOut, title: "Sign out", choose: signOut },
    ...objectives.map((objective) => ({
      ...link(`objective-${objective.id}`, Target, objective.name, `/objectives/${objective.id}`),
      group: "Objectives",
      detail: budgetText(objective),
    })),
    ...VIEWS.filter(({ least }) => !least || can(least)).map(({ href, name, icon }) => ({
      id: `view-${href}`,
      group: "Go to",
      icon,
      title: name,
      keys: SHORTCUTS.find(({ does }) => "goes" in does && does.goes === href)?.keys ?? [],
      choose: () => go(href),
    })),
  ];
}
