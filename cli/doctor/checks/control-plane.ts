// The control plane itself: its listeners, the address it prints, its certificate, its clock.
import { formatDuration } from "#core/units.ts";
import type { Check } from "../check.ts";

const subject = "control plane";
const dayMs = 86_400_000;
/** The control plane renews at two thirds of 90 days, so this is a month late. */
const shortMs = 7 * dayMs;
const clockToleranceMs = 5_000;

export const controlPlaneChecks: readonly Check[] = [
  {
    name: "listeners",
    look: ({ status }) =>
      status?.checks
        .filter((check) => !check.ok && !check.name.startsWith("host "))
        .map(({ name, message, hint }) => ({ subject, message: `${name}: ${message}`, fix: hint })),
  },
  {
    name: "printed-address",
    look({ printed }) {
      if (printed === undefined) return undefined;
      const { address, unreached, namesIt, certificateNames } = printed;
      if (unreached !== "") {
        return [
          {
            ...{ subject, message: `hosts are told ${address}, and from here nobody answers there (${unreached})` },
            fix: "On its machine:  ozwald-controlplane address set  with the address that others reach; let them through its firewall.",
          },
        ];
      }
      if (namesIt) return [];
      return [
        {
          ...{ subject, message: `hosts are told ${address}, and the certificate there is for ${certificateNames}` },
          fix: "On its machine:  ozwald-controlplane address set  with that address; its certificate then names it.",
        },
      ];
    },
  },
  {
    name: "context-address",
    look({ reach, oldAddresses, status }) {
      if (oldAddresses === undefined || status === undefined || reach === undefined) return undefined;
      if (!oldAddresses.includes(reach.address)) return [];
      return [
        {
          ...{ subject: "this machine", notice: true },
          message: `it reaches the control plane at ${reach.address}, an old address that will be forgotten some day`,
          fix: `Log in again at ${status.address} (ozctl token create prints the line), or change the address in the context's file.`,
        },
      ];
    },
  },
  {
    name: "certificate-end",
    look({ printed, nowMs }) {
      if (printed?.endsAtMs === undefined) return undefined;
      const leftMs = printed.endsAtMs - nowMs;
      if (leftMs > shortMs) return [];
      const when = leftMs <= 0 ? "has ended" : `ends in ${formatDuration(leftMs)}`;
      return [
        {
          ...{ subject, message: `its certificate ${when}` },
          fix: "It renews itself; see why it did not:  journalctl -u ozwald-controlplane | grep certificate, then restart it.",
        },
      ];
    },
  },
  {
    name: "clock-here",
    look({ clockAheadMs }) {
      if (clockAheadMs === undefined) return undefined;
      if (Math.abs(clockAheadMs) <= clockToleranceMs) return [];
      const way = clockAheadMs > 0 ? "behind" : "ahead of";
      return [
        {
          subject: "this machine",
          message: `its clock is ${formatDuration(Math.abs(clockAheadMs))} ${way} the control plane's`,
          fix: "On the one that is wrong:  timedatectl set-ntp true",
        },
      ];
    },
  },
];
