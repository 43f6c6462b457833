import type { LucideIcon } from "lucide-react";
import { Activity, CircleDollarSign, Inbox, Network, Settings, Workflow } from "lucide-react";
import type { ComponentType } from "react";
import RunsPage from "@/runs/runs_page";

/** A page of the dashboard. `load` brings its code when it is first opened. Paths are the router's: `/runs/$runId`. */
export interface Page {
  path: string;
  load: () => Promise<{ default: ComponentType }>;
}

/** An entry of the navigation with its pages; whoever lacks the permission does not see it. */
export interface Section {
  id: string;
  label: string;
  icon: LucideIcon;
  permission: string;
  /** The installed application that it belongs to: where it is not installed, the section is not shown. */
  app?: string;
  pages: Page[];
}

const sections: Section[] = [
  {
    id: "runs",
    label: "Runs",
    icon: Activity,
    permission: "runs:read",
    pages: [
      { path: "/", load: async () => ({ default: RunsPage }) },
      { path: "/runs/$runId", load: () => import("@/runs/run_page") },
      { path: "/runs/$runId/compare/$otherId", load: () => import("@/runs/compare_page") },
    ],
  },
  {
    id: "flows",
    label: "Flows",
    icon: Workflow,
    permission: "flows:read",
    pages: [
      { path: "/flows", load: () => import("@/flows/flows_page") },
      { path: "/flows/$name", load: () => import("@/flows/flow_page") },
      { path: "/schedules", load: () => import("@/flows/schedules_page") },
    ],
  },
  {
    id: "reviews",
    label: "Reviews",
    icon: Inbox,
    permission: "reviews:read",
    pages: [
      { path: "/reviews", load: () => import("@/reviews/inbox_page") },
      { path: "/reviews/figures", load: () => import("@/reviews/figures_page") },
    ],
  },
  {
    id: "usage",
    label: "Usage",
    icon: CircleDollarSign,
    permission: "usage:read",
    pages: [
      { path: "/usage", load: () => import("@/usage/usage_page") },
      { path: "/usage/limits", load: () => import("@/usage/limits_page") },
    ],
  },
  {
    id: "fleet",
    label: "Fleet",
    icon: Network,
    permission: "fleet:read",
    pages: [{ path: "/fleet", load: () => import("@/fleet/fleet_page") }],
  },
  {
    id: "settings",
    label: "Settings",
    icon: Settings,
    permission: "tenant:read",
    pages: [{ path: "/settings", load: () => import("@/settings/settings_page") }],
  },
];

/** Adds an application's section. Call it before the dashboard starts (`apps.ts`). */
export function addSection(section: Section): void {
  if (sections.some((each) => each.id === section.id)) throw new Error(`There are two sections named ${section.id}.`);
  sections.splice(-1, 0, section);
}

export function allSections(): readonly Section[] {
  return sections;
}
