import {
  BellOff,
  Gauge,
  Globe,
  LayoutDashboard,
  List,
  type LucideIcon,
  RefreshCw,
  Send,
  Server,
  ShieldCheck,
  SlidersHorizontal,
  Target,
  TriangleAlert,
  Users,
} from "lucide-preact";

export interface View {
  href: string;
  name: string;
  icon: LucideIcon;
  /** The key that opens the view after `g`. */
  key: string;
  least?: "admin";
  /** Whether the view is a tab of another view, so that the navigation does not show it. */
  isTab?: true;
}

/** The views that a person can open directly, in the order of the navigation. */
export const VIEWS: readonly View[] = [
  { href: "/", name: "Overview", icon: LayoutDashboard, key: "o" },
  { href: "/alerts", name: "Incidents", icon: TriangleAlert, key: "a" },
  { href: "/alerts/rules", name: "Alert rules", icon: SlidersHorizontal, key: "r", isTab: true },
  { href: "/alerts/silences", name: "Silences", icon: BellOff, key: "m", isTab: true },
  { href: "/alerts/quality", name: "Alert quality", icon: Gauge, key: "q", isTab: true },
  { href: "/alerts/channels", name: "Channels", icon: Send, key: "c", least: "admin", isTab: true },
  { href: "/tournaments", name: "Tournaments", icon: Globe, key: "t" },
  { href: "/errors", name: "Errors", icon: List, key: "e" },
  { href: "/sync", name: "Sync now", icon: RefreshCw, key: "s" },
  { href: "/objectives", name: "Objectives", icon: Target, key: "b" },
  { href: "/audit", name: "Audit", icon: ShieldCheck, key: "l" },
  { href: "/system", name: "System", icon: Server, key: "y" },
  { href: "/people", name: "People", icon: Users, key: "p", least: "admin" },
];
