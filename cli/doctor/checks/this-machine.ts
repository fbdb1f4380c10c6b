// What only the machine itself shows, looked at when ozctl runs on a host.
import type { Check, Trouble } from "../check.ts";
import { type Facts, hostHere } from "../facts.ts";

const automaticPorts = 1_000;
const fewPorts = 50;
const fewOpenFiles = 1_024;
const fewInotifyInstances = 256;
const fewInotifyWatches = 65_536;

/** Unknown on a machine that is no host. */
function onHost(name: string, look: (facts: Facts) => Omit<Trouble, "subject"> | undefined): Check {
  return {
    name,
    look(facts) {
      const host = hostHere(facts);
      if (host === undefined) return undefined;
      const trouble = look(facts);
      return trouble === undefined ? [] : [{ subject: host.name, ...trouble }];
    },
  };
}

export const thisMachineChecks: readonly Check[] = [
  onHost("automatic-ports", ({ here: { automaticPortsTaken = 0 } }) => {
    if (automaticPorts - automaticPortsTaken >= fewPorts) return undefined;
    return {
      message: `something listens on ${automaticPortsTaken} of the ${automaticPorts} ports from 11000 on; replicas without a port of their own find none`,
      fix: "ss -ltnp 'sport >= :11000 and sport <= :11999' shows who; or give instances fixed ports in the settings.",
    };
  }),
  onHost("dns-inside", ({ here: { nameServers } }) => {
    if (nameServers === undefined || nameServers.some((server) => !/^(127\.|::1$)/.test(server))) return undefined;
    // systemd-resolved tells the engine the real ones in a second file; any other server on loopback is not reached from inside.
    if (nameServers.includes("127.0.0.53")) return undefined;
    const what = nameServers.length === 0 ? "names no server" : `names only ${nameServers.join(", ")}`;
    return {
      message: `/etc/resolv.conf ${what}: containers cannot look up names`,
      fix: '{ "dns": ["ADDRESS OF A NAME SERVER"] } in /etc/docker/daemon.json, then restart Docker while nothing runs.',
    };
  }),
  onHost("limits", ({ here: { openFiles, inotifyInstances, inotifyWatches } }) => {
    const low = [
      openFiles !== undefined && openFiles < fewOpenFiles ? `open files ${openFiles}` : "",
      inotifyInstances !== undefined && inotifyInstances < fewInotifyInstances
        ? `fs.inotify.max_user_instances ${inotifyInstances}`
        : "",
      inotifyWatches !== undefined && inotifyWatches < fewInotifyWatches
        ? `fs.inotify.max_user_watches ${inotifyWatches}`
        : "",
    ].filter((part) => part !== "");
    if (low.length === 0) return undefined;
    return {
      message: `low limits: ${low.join(", ")}; many containers at once run into them`,
      fix: "sysctl -w fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=524288, and ulimit -n 65536",
      notice: true,
    };
  }),
];
