// Shows and changes the addresses of the control plane.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { OzError } from "#core/errors.ts";
import { AddressService, type ListAddressesResponse, ListAddressesResponseSchema } from "#proto/address_pb.ts";
import type { BookEntry } from "../address/address-book.ts";
import { unreachedBecause } from "../address/probe.ts";
import { principalKey } from "../auth/principal.ts";
import { hostList } from "../view/host-view.ts";
import type { ApiContext } from "./context.ts";

export function addressRoutes(router: ConnectRouter, context: ApiContext): void {
  const { addresses, authority } = context;
  router.service(AddressService, {
    listAddresses: () => now(context),
    async setAddresses({ addresses: wanted }, call) {
      if (wanted.length === 0)
        throw new OzError("bad_request", "no address was said", {
          hint: "ozwald-controlplane address set control.lan",
        });
      const changed = addresses.set(wanted);
      await context.addressesChanged();
      if (changed) await told(context, call, "address.set", `hosts are told ${addresses.entries()[0].address}`);
      const present = addresses.entries().filter((entry) => entry.present);
      const looked = await Promise.all(
        present.map(async ({ address }) => ({ address, problem: await unreachedBecause(address, authority.caPem) })),
      );
      return { now: await now(context), unreached: looked.filter(({ problem }) => problem !== "") };
    },
    async forgetAddress({ address, force }, call) {
      const whole = addresses.resolve(address);
      const { addresses: known, elsewhere } = await now(context);
      const old = known.find((one) => one.address === whole && !one.present);
      // One that never said may dial this one.
      const users = old === undefined ? [] : [...old.hosts, ...elsewhere.filter((host) => host.address === "")];
      if (users.length > 0 && !force) {
        const names = users.map(({ name }) => name).join(", ");
        throw new OzError("precondition", `${whole} is what ${names} dialled last, as far as is known`, {
          hint: "They move by themselves once they reach a present address: ozwald-controlplane address show. With --force they have to find it on their own, or join again.",
        });
      }
      addresses.forget(address);
      await context.addressesChanged();
      await told(context, call, "address.forgotten", `${whole} was forgotten`);
      return { now: await now(context) };
    },
  });
}

async function now(context: ApiContext): Promise<ListAddressesResponse> {
  const hosts = hostList(await context.world(), context.hub.hosts())
    .filter(({ id }) => id !== "")
    .map(({ name, state, dialedAddress, addressProblem }) => ({
      ...{ name, state, address: dialedAddress, problem: addressProblem },
    }));
  const entries: readonly BookEntry[] = context.addresses.entries();
  return create(ListAddressesResponseSchema, {
    addresses: entries.map(({ address, present, since }) => ({
      ...{ address, present, hosts: hosts.filter((host) => host.address === address) },
      ...(since !== undefined && { since: timestampFromMs(since) }),
    })),
    elsewhere: hosts.filter((host) => !entries.some(({ address }) => address === host.address)),
  });
}

async function told(context: ApiContext, call: HandlerContext, kind: string, message: string): Promise<void> {
  const actor = call.values.get(principalKey).name;
  await context.store.commit(undefined, ({ event }) => event({ kind, subject: "controlplane", message, actor }));
}
