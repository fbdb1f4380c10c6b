// A control plane with a real store and real loops on simulated hosts, called over real HTTP.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import type { DescService } from "@bufbuild/protobuf";
import { quietLog } from "#core/log.ts";
import { systemClock } from "#core/system-clock.ts";
import { openAddressBook } from "../address/address-book.ts";
import { createChangeSignal } from "../api/change-signal.ts";
import type { ApiContext } from "../api/context.ts";
import { createApiHandler } from "../api/router.ts";
import { bearerPrincipal } from "../auth/bearer.ts";
import { createLiveCalls } from "../auth/live-calls.ts";
import { localRoot } from "../auth/principal.ts";
import { createChanger } from "../change/change.ts";
import { openAuthority } from "../pki/authority.ts";
import { startLoops } from "../reconcile/loops.ts";
import { upsertHost } from "../store/hosts.ts";
import { openStore } from "../store/open-store.ts";
import { createWorldReader } from "../world.ts";
import { createSimulatedHub, type SimulatedHub } from "./simulated-hub.ts";

export type TestControlPlane = AsyncDisposable & {
  readonly context: ApiContext;
  readonly hub: SimulatedHub;
  client<T extends DescService>(service: T, token?: string): Client<T>;
  /** A host row and a simulated machine of that name; its id is `id-<name>`. */
  addHost(
    name: string,
    ...fields: Parameters<SimulatedHub["join"]> extends [string, ...infer Rest] ? Rest : never
  ): Promise<void>;
};

export async function startTestControlPlane(): Promise<TestControlPlane> {
  const dir = mkdtempSync(join(tmpdir(), "ozwald-cp-"));
  const random = (size: number) => randomBytes(size);
  const clock = systemClock;
  const store = await openStore({
    dir,
    clock,
    random,
    log: quietLog,
    onFatal: (error) => {
      throw error;
    },
  });
  const authority = await openAuthority({
    dir: join(dir, "pki"),
    clock,
    names: { dns: ["localhost"], ips: ["127.0.0.1"] },
  });
  const listen = { host: "127.0.0.1", port: 7443 };
  const addresses = openAddressBook({ pkiDir: join(dir, "pki"), listen, advertise: [], clock });
  const hub = createSimulatedHub();
  const world = createWorldReader(store);
  const signal = createChangeSignal(clock);
  const context: ApiContext = {
    store,
    hub,
    authority,
    signal,
    clock,
    random,
    liveCalls: createLiveCalls(clock),
    log: quietLog,
    world,
    changer: createChanger({
      ...{ store, world, clock, random, strategy: "spread" },
      live: () => hub.hosts(),
      obeyedEpoch: () => 7,
    }),
    advertised: () => addresses.entries()[0].address,
    addresses,
    addressesChanged: async () => hub.tellAddresses(),
    installable: true,
    checks: () => [],
    obeyedEpoch: () => 7,
    isRevoked: () => false,
    revoke: (hostId) => hub.forget(hostId),
    startedAt: clock.now(),
  };
  const loops = startLoops({
    store,
    hub,
    world,
    clock,
    random,
    strategy: "spread",
    log: quietLog,
    onChange: () => signal.raise(),
  });
  const byToken = bearerPrincipal(store, clock);
  const server = http.createServer(
    createApiHandler(context, (request) =>
      request.headers.authorization === "Bearer root" ? localRoot : byToken(request),
    ),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    context,
    hub,
    client(service, token = "root") {
      const transport = createConnectTransport({
        baseUrl,
        httpVersion: "1.1",
        // As ozctl speaks.
        useBinaryFormat: false,
        interceptors: [
          (next) => (request) => {
            if (token !== "") request.header.set("authorization", `Bearer ${token}`);
            return next(request);
          },
        ],
      });
      return createClient(service, transport);
    },
    async addHost(name, ...fields) {
      await store.commit(undefined, ({ trx }) =>
        upsertHost(trx, {
          id: `id-${name}`,
          name,
          state: "active",
          joined_at: 1,
          agent_version: "",
          address: "",
          inventory: "",
          last_boot_id: "",
          last_heard_at: 0,
        }),
      );
      hub.join(`id-${name}`, ...fields);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await loops[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
