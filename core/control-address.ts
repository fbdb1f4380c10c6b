// The address of the control plane, as people write it and as sockets want it.
import { OzError } from "./errors.ts";

export type ControlAddress = {
  readonly host: string;
  readonly port: number;
  /** "https://10.0.0.5:7443" */
  readonly text: string;
};

const defaultPort = 7443;

/** Reads "https://HOST:PORT", "HOST:PORT", "HOST" or "[::1]:PORT"; the port is 7443 unless given. Throws bad_request. */
export function parseControlAddress(written: string): ControlAddress {
  const text = written.trim().replace(/\/+$/, "");
  const match = /^(?:https:\/\/)?(\[[0-9a-fA-F:.%]+\]|[^\s:/[\]@]+)(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[2] ?? defaultPort);
  const host = match?.[1]?.replace(/^\[|\]$/g, "");
  if (host === undefined || port < 1 || port > 65_535) {
    const plain = text.startsWith("http://") ? " Plain http is not spoken to other machines." : "";
    throw new OzError("bad_request", `${written} is no address of a control plane.${plain}`, {
      hint: "Write it like https://10.0.0.5:7443",
    });
  }
  return { host, port, text: `https://${host.includes(":") ? `[${host}]` : host}:${port}` };
}

/** Whether a host is the machine itself. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);
}
