// At which address of a host a published port is reached by others.
import type { Observed } from "#proto/replicas_pb.ts";

/** What a host says of a replica, with an address that can be dialled where the port listens on all of them. hostAddress: as in Host. */
export function withDialableEndpoints(observed: Observed, hostAddress: string): Observed {
  if (!observed.endpoints.some(({ address }) => isEverywhere(address))) return observed;
  const name = withoutPort(hostAddress) || "127.0.0.1";
  return {
    ...observed,
    endpoints: observed.endpoints.map((endpoint) =>
      isEverywhere(endpoint.address) ? { ...endpoint, address: name } : endpoint,
    ),
  };
}

function isEverywhere(address: string): boolean {
  return address === "" || address === "0.0.0.0" || address === "::";
}

/** "10.0.0.5:7443" as "10.0.0.5", "[fd00::1]:7443" and "[fd00::1]" as "fd00::1". */
function withoutPort(address: string): string {
  const bracketed = /^\[(.+)\](?::\d+)?$/.exec(address)?.[1];
  return bracketed ?? address.replace(/^([^:]+):\d+$/, "$1");
}
