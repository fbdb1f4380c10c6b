// The address calls over the control plane's own Unix socket, as local root.
import { connect } from "node:net";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { isErrorCode, OzError } from "#core/errors.ts";
import { AddressService, type ListAddressesResponse, type UnreachedAddress } from "#proto/address_pb.ts";
import { ErrorDetailSchema } from "#proto/errors_pb.ts";

type Changed = { readonly now: ListAddressesResponse; readonly unreached: readonly UnreachedAddress[] };

export type LocalAddresses = {
  /** Whether somebody takes a connection there. Throws permission_denied. */
  answers(): Promise<boolean>;
  list(): Promise<ListAddressesResponse>;
  set(addresses: readonly string[]): Promise<Changed>;
  forget(address: string, force: boolean): Promise<ListAddressesResponse>;
};

/** A certificate is made and every address is looked at within this time. */
const timeoutMs = 30_000;
const connectMs = 3_000;

/** Calls throw what the control plane threw, or unavailable. */
export function openLocalAddresses(socketPath: string): LocalAddresses {
  const transport = createConnectTransport({
    ...{ baseUrl: "http://localhost", httpVersion: "1.1", defaultTimeoutMs: timeoutMs },
    nodeOptions: { socketPath },
  });
  const client = createClient(AddressService, transport);
  const whole = ({ now }: { now?: ListAddressesResponse | undefined }) => {
    if (now === undefined) throw new OzError("internal", "the control plane did not say which addresses it has");
    return now;
  };
  return {
    answers: () => answers(socketPath),
    list: () => client.listAddresses({}).catch(rethrow),
    async set(addresses) {
      const answer = await client.setAddresses({ addresses: [...addresses] }).catch(rethrow);
      return { now: whole(answer), unreached: answer.unreached };
    },
    forget: (address, force) => client.forgetAddress({ address, force }).then(whole, rethrow),
  };
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    socket.setTimeout(connectMs, () => socket.destroy(new Error("no answer")));
    socket.once("connect", () => {
      resolve(true);
      socket.destroy();
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EACCES" && error.code !== "EPERM") return resolve(false);
      reject(new OzError("permission_denied", `this user may not open ${socketPath}`, { hint: "Run this as root." }));
    });
  });
}

function rethrow(thrown: unknown): never {
  const error = ConnectError.from(thrown);
  const [detail] = error.findDetails(ErrorDetailSchema);
  const code = isErrorCode(detail?.code ?? "")
    ? detail?.code
    : error.code === Code.DeadlineExceeded
      ? "timeout"
      : "unavailable";
  throw new OzError(code as OzError["code"], error.rawMessage, { hint: detail?.hint ?? "", cause: thrown });
}
