import { Link } from "wouter-preact";
import { useUser } from "../session.ts";

/** The tabs of the alert views. */
export function AlertTabs({ at }: { at: string }) {
  const { can } = useUser();
  const views = [
    ["/alerts", "Incidents"],
    ["/alerts/rules", "Rules"],
    [
      "/alerts/silences",
      "Silences",
    ],
    ["/alerts/quality", "Quality"],
    ...can("admin") ? [["/alerts/channels", "Channels"]] : [],
  ];
  return (
    <nav class="tabs" aria-label="Alerts">
      <ul>
        {views.map(([href = "", name]) => (
          <li key={href}>
            <Link href={href} aria-current={href === at ? "page" : undefined}>
              {name}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
