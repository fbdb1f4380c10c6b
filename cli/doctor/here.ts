// This machine's part of the facts. What cannot be read stays unset; nothing here throws.
import { readFileSync, existsSync, statfsSync } from "node:fs";
import { hostname } from "node:os";
import type { Environment } from "../contexts.ts";
import type { Here } from "./facts.ts";

const proxyNames = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/** All but the agent, which is asked. root is "" outside of tests. */
export function readHere(env: Environment, root = ""): Omit<Here, "agent"> {
  const number = (file: string) => numberOf(textOf(`${root}${file}`)?.trim());
  const nameServers = textOf(`${root}/etc/resolv.conf`)?.matchAll(/^\s*nameserver\s+(\S+)/gm);
  const openFiles = /^Max open files\s+(\d+)/m.exec(textOf(`${root}/proc/self/limits`) ?? "")?.[1];
  const ports = takenPorts(textOf(`${root}/proc/net/tcp`), textOf(`${root}/proc/net/tcp6`));
  const here = {
    openFiles: numberOf(openFiles),
    inotifyInstances: number("/proc/sys/fs/inotify/max_user_instances"),
    inotifyWatches: number("/proc/sys/fs/inotify/max_user_watches"),
    automaticPortsTaken: ports,
    disk: diskOf(root),
  };
  return {
    hostname: textOf(`${root}/proc/sys/kernel/hostname`)?.trim() || hostname(),
    proxies: proxyNames.filter((name) => env[name]),
    noProxy: env["NO_PROXY"] || env["no_proxy"] || "",
    ...(nameServers !== undefined && { nameServers: Array.from(nameServers, (match) => match[1] ?? "") }),
    ...(Object.fromEntries(Object.entries(here).filter(([, value]) => value !== undefined)) as Partial<Here>),
    nvidiaDriver:
      /Kernel Module\s+(?:for \S+\s+)?([\d.]+)/.exec(textOf(`${root}/proc/driver/nvidia/version`) ?? "")?.[1] ?? "",
    systemd: existsSync(`${root}/run/systemd/system`),
  };
}

/** Listening ports of the automatic range, each once. */
function takenPorts(...tables: readonly (string | undefined)[]): number | undefined {
  if (tables.every((table) => table === undefined)) return undefined;
  const listening = tables.flatMap((table) =>
    Array.from((table ?? "").matchAll(/^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A /gm), (match) =>
      Number.parseInt(match[1] ?? "", 16),
    ),
  );
  return new Set(listening.filter((port) => port >= 11_000 && port <= 11_999)).size;
}

function diskOf(root: string): Here["disk"] {
  const folder = existsSync(`${root}/var/lib/docker`) ? "/var/lib/docker" : "/";
  try {
    const { bsize, blocks, bavail } = statfsSync(`${root}${folder}`);
    return { root: folder, totalBytes: bsize * blocks, freeBytes: bsize * bavail };
  } catch {
    return undefined;
  }
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
