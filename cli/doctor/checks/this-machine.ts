// What only the machine itself shows, looked at when ozctl runs on a host.
import type { Check, Trouble } from "../check.ts";
import { type Facts, hostHere, nameHere } from "../facts.ts";
import { littleSpace } from "./space.ts";

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
      const subject = nameHere(facts);
      if (subject === undefined) return undefined;
      const trouble = look(facts);
      return trouble === undefined ? [] : [{ subject, ...trouble }];
    },
  };
}

export const thisMachineChecks: readonly Check[] = [
  onHost("agent-link", ({ here: { agent } }) => {
    if (agent === undefined) return undefined;
    const { controlPlane, says, silence } = agent;
    if (says === undefined)
      return {
        message: `its agent does not answer: ${silence}`,
        fix: "systemctl status ozwald-agent, and: journalctl -u ozwald-agent. What runs keeps running.",
      };
    if (says.link === "ready") return undefined;
    return {
      message: `its agent has no link to ${controlPlane}: ${says.linkReason || says.link}`,
      fix: "ozwald-agent status says how it goes on. Another address:  ozwald-agent join https://NEW:7443 --token …",
    };
  }),
  // The next two are what `engine-answers` and `disk-free` say of every host, where the control plane tells of none.
  onHost("engine-here", (facts) => {
    const problem = facts.here.agent?.says?.engineProblem ?? "";
    if (problem === "" || hostHere(facts) !== undefined) return undefined;
    return { message: problem, fix: "systemctl status docker, and: docker info" };
  }),
  onHost("disk-here", (facts) => {
    const { disk } = facts.here;
    if (disk === undefined || hostHere(facts) !== undefined) return undefined;
    return littleSpace(disk.totalBytes, disk.freeBytes, disk.root);
  }),
  onHost("automatic-ports", ({ here: { automaticPortsTaken = 0 } }) => {
    if (automaticPorts - automaticPortsTaken >= fewPorts) return undefined;
    return {
      message: `something listens on ${automaticPortsTaken} of the ${automaticPorts} ports from 11000 on; replicas without a port of their own find none`,
      fix: "ss -ltnp 'sport >= :11000 and sport <= :11999' shows who; or give instances fixed ports in the settings.",
    };
  }),
  onHost("dns-inside", ({ here: { nameServers } }) => {
    // A server on loopback is fine: for containers in a group's network the engine asks it from the host.
    if (nameServers === undefined || nameServers.length > 0) return undefined;
    return {
      message:
        "/etc/resolv.conf names no server: containers ask 8.8.8.8 for every name, which has to be reached from here",
      fix: '{ "dns": ["ADDRESS OF A NAME SERVER"] } in /etc/docker/daemon.json, then restart Docker while nothing runs.',
      notice: true,
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
