// Every command by name, loaded when it is called.
import type { Command } from "commander";
import type { Session } from "./session.ts";

export type CommandRow = {
  name: string;
  group: "Settings" | "What runs" | "Machines" | "This program";
  /** One line for `ozctl --help`. */
  summary: string;
  load(): Promise<(session: Session) => Command>;
};

export const commandRows: readonly CommandRow[] = [
  {
    name: "check",
    group: "Settings",
    summary: "find every problem in settings, without a control plane",
    load: async () => (await import("./commands/check.ts")).checkCommand,
  },
  {
    name: "plan",
    group: "Settings",
    summary: "show what apply would do",
    load: async () => (await import("./commands/plan.ts")).planCommand,
  },
  {
    name: "apply",
    group: "Settings",
    summary: "make settings the wanted state",
    load: async () => (await import("./commands/apply.ts")).applyCommand,
  },
  {
    name: "import",
    group: "Settings",
    summary: "print settings made from Compose files or containers",
    load: async () => (await import("./commands/import.ts")).importCommand,
  },
  {
    name: "ps",
    group: "What runs",
    summary: "what is wanted, where it runs, how it is",
    load: async () => (await import("./commands/ps.ts")).psCommand,
  },
  {
    name: "services",
    group: "What runs",
    summary: "what can be started",
    load: async () => (await import("./commands/services.ts")).servicesCommand,
  },
  {
    name: "show",
    group: "What runs",
    summary: "everything about one instance or service",
    load: async () => (await import("./commands/show.ts")).showCommand,
  },
  {
    name: "why",
    group: "What runs",
    summary: "why it is where it is, or is not",
    load: async () => (await import("./commands/why.ts")).whyCommand,
  },
  {
    name: "up",
    group: "What runs",
    summary: "start an instance",
    load: async () => (await import("./commands/up.ts")).upCommand,
  },
  {
    name: "down",
    group: "What runs",
    summary: "stop an instance",
    load: async () => (await import("./commands/down.ts")).downCommand,
  },
  {
    name: "restart",
    group: "What runs",
    summary: "replace the replicas of an instance",
    load: async () => (await import("./commands/restart.ts")).restartCommand,
  },
  {
    name: "logs",
    group: "What runs",
    summary: "what an instance says",
    load: async () => (await import("./commands/logs.ts")).logsCommand,
  },
  {
    name: "exec",
    group: "What runs",
    summary: "run a command inside a replica",
    load: async () => (await import("./commands/exec.ts")).execCommand,
  },
  {
    name: "forward",
    group: "What runs",
    summary: "reach an instance at a port of this machine",
    load: async () => (await import("./commands/forward.ts")).forwardCommand,
  },
  {
    name: "chat",
    group: "What runs",
    summary: "talk to a model",
    load: async () => (await import("./commands/chat.ts")).chatCommand,
  },
  {
    name: "adopt",
    group: "What runs",
    summary: "keep unknown replicas and want them again",
    load: async () => (await import("./commands/unknown.ts")).adoptCommand,
  },
  {
    name: "retire",
    group: "What runs",
    summary: "stop and remove unknown replicas",
    load: async () => (await import("./commands/unknown.ts")).retireCommand,
  },
  {
    name: "events",
    group: "What runs",
    summary: "what happened",
    load: async () => (await import("./commands/events.ts")).eventsCommand,
  },
  {
    name: "ops",
    group: "What runs",
    summary: "changes in progress: list, watch, cancel",
    load: async () => (await import("./commands/ops.ts")).opsCommand,
  },
  {
    name: "hosts",
    group: "Machines",
    summary: "what your machines have",
    load: async () => (await import("./commands/hosts.ts")).hostsCommand,
  },
  {
    name: "host",
    group: "Machines",
    summary: "invite and remove machines",
    load: async () => (await import("./commands/host.ts")).hostCommand,
  },
  {
    name: "status",
    group: "Machines",
    summary: "how the control plane is",
    load: async () => (await import("./commands/status.ts")).statusCommand,
  },
  {
    name: "doctor",
    group: "Machines",
    summary: "find the usual troubles and how they are mended",
    load: async () => (await import("./commands/doctor.ts")).doctorCommand,
  },
  {
    name: "token",
    group: "This program",
    summary: "tokens of people and programs: create, list, revoke",
    load: async () => (await import("./commands/token.ts")).tokenCommand,
  },
  {
    name: "login",
    group: "This program",
    summary: "get to know a control plane",
    load: async () => (await import("./commands/login.ts")).loginCommand,
  },
  {
    name: "context",
    group: "This program",
    summary: "which control plane is meant",
    load: async () => (await import("./commands/context.ts")).contextCommand,
  },
  {
    name: "version",
    group: "This program",
    summary: "version of this program and of the control plane",
    load: async () => (await import("./commands/version.ts")).versionCommand,
  },
];

export function findCommand(name: string): CommandRow | undefined {
  return commandRows.find((row) => row.name === name);
}

/** The text of `ozctl --help`. */
export function topHelp(): string {
  const groups = [...new Set(commandRows.map((row) => row.group))];
  const sections = groups.map((group) => {
    const rows = commandRows.filter((row) => row.group === group);
    return `${group}\n${rows.map((row) => `  ${row.name.padEnd(10)}${row.summary}\n`).join("")}`;
  });
  return [
    "Usage: ozctl [--context NAME] COMMAND …\n",
    ...sections,
    "Examples:\n  ozctl ps                     what runs\n  ozctl apply -f ozwald.yml    make the settings so\n  ozctl logs -f tiny-llm       what it says\n",
    "ozctl COMMAND --help tells more and shows examples.\n",
  ].join("\n");
}
