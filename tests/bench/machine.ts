// The machine that a bench ran on, so that a figure never stands without it.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { programArgv } from "../support/programs.ts";

export type Machine = {
  readonly cpu: string;
  readonly cores: number;
  readonly ramGiB: number;
  readonly kernel: string;
  readonly system: string;
  readonly engine: string;
  readonly engineStorage: string;
  readonly node: string;
  /** What `ozctl version` says. */
  readonly ozwald: string;
};

export function describeMachine(): Machine {
  const [cpu] = cpus();
  const [engine = "", engineStorage = ""] = say("docker", "info", "--format", "{{.ServerVersion}}|{{.Driver}}").split(
    "|",
  );
  const [ozctl = ""] = programArgv("ozctl");
  return {
    cpu: cpu?.model.trim() ?? "unknown",
    cores: cpus().length,
    ramGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "unknown",
    engine: `Docker ${engine}`,
    engineStorage,
    node: process.version,
    ozwald: say(ozctl, "version"),
  };
}

/** Load average of the last minute: a machine that others use tells on the figures. */
export function loadNow(): number {
  return Math.round((loadavg()[0] ?? 0) * 10) / 10;
}

function say(program: string, ...words: string[]): string {
  return execFileSync(program, words, { encoding: "utf8" }).trim();
}
