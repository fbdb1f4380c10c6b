// The addresses of the control plane for people.
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { formatDuration } from "#core/units.ts";
import type { ControlAddress, DialingHost, ListAddressesResponse } from "#proto/address_pb.ts";
import { HostState } from "#proto/hosts_pb.ts";

/** The table, then what needs a person's eye. */
export function addressText(answer: ListAddressesResponse, nowMs: number, running: boolean): string {
  const rows = [["ADDRESS", "SINCE", "HOSTS"], ...answer.addresses.map((one) => cells(one, nowMs))];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const table = rows.map((row) =>
    row
      .map((cell, n) => cell.padEnd(widths[n] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const remarks = running
    ? hostRemarks(answer)
    : ["The control plane does not run: which host dials what is shown when it does."];
  return [...table, ...addressRemarks(answer, running), ...remarks].map((line) => `${line}\n`).join("");
}

function cells({ address, present, since, hosts }: ControlAddress, nowMs: number): string[] {
  const age = since === undefined ? "by itself" : formatDuration(Math.max(0, nowMs - timestampMs(since)));
  const names = hosts.map((host) =>
    host.state === HostState.ONLINE ? host.name : `${host.name} (${stateWord(host)})`,
  );
  return [address, present ? age : `old, ${age}`, names.length === 0 ? "-" : names.join(", ")];
}

function stateWord({ state }: DialingHost): string {
  return state === HostState.QUARANTINED ? "quarantined" : "not heard";
}

function addressRemarks({ addresses, elsewhere }: ListAddressesResponse, running: boolean): string[] {
  if (!running) return [];
  const unsaid = elsewhere.some((host) => host.address === "");
  return addresses
    .filter(({ present, hosts }) => !present && hosts.length === 0 && !unsaid)
    .map(
      ({ address }) =>
        `No host needs ${address} any more:  ozwald-controlplane address forget ${address.replace("https://", "")}` +
        "  (contexts of ozctl and lines that were printed may)",
    );
}

function hostRemarks({ addresses, elsewhere }: ListAddressesResponse): string[] {
  const all = [...addresses.flatMap(({ hosts }) => hosts), ...elsewhere];
  return [
    ...elsewhere.map(({ name, address }) => `${name} ${elsewhereWords(address)}`),
    ...all.filter(({ problem }) => problem !== "").map(({ name, problem }) => `${name} does not reach ${problem}`),
  ];
}

function elsewhereWords(address: string): string {
  if (address === "") return "never said what it dials: its agent is older, or has not been here yet";
  if (/^https:\/\/(127\.|localhost:|\[::1\])/.test(address)) return `is this machine, and dials ${address}`;
  return `dials ${address}, which is none of these`;
}
