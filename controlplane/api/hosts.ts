// Shows hosts and invites new ones.
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import { OzError } from "#core/errors.ts";
import { isName, suggestion } from "#core/names.ts";
import { HostsService } from "#proto/hosts_pb.ts";
import { principalKey } from "../auth/principal.ts";
import { mintJoinToken } from "../auth/tokens.ts";
import { installLine } from "../install/install-script.ts";
import { createInvite } from "../store/invites.ts";
import { updateHost } from "../store/hosts.ts";
import { deleteReplica } from "../store/replicas.ts";
import { hostList } from "../view/host-view.ts";
import type { ApiContext } from "./context.ts";

const defaultTtlSeconds = 900;
const maxTtlSeconds = 86_400;

export function hostRoutes(router: ConnectRouter, context: ApiContext): void {
  router.service(HostsService, {
    async listHosts() {
      return { hosts: hostList(await context.world(), context.hub.hosts()) };
    },
    async createInvite({ name, ttlSeconds }, call) {
      const ttl = ttlSeconds === 0 ? defaultTtlSeconds : ttlSeconds;
      if (ttl > maxTtlSeconds) throw new OzError("bad_request", `an invitation may last 24 h at most, not ${ttl} s`);
      if (name !== "") await requireFreeName(context, name);
      const minted = mintJoinToken(context.authority.caSha256, context.random);
      const expiresAt = context.clock.now() + ttl * 1000;
      await context.store.commit(undefined, async ({ trx, event }) => {
        await createInvite(trx, {
          id: minted.id,
          secretHash: minted.secretHash,
          hostName: name,
          now: context.clock.now(),
          ttlMs: ttl * 1000,
        });
        await event({
          kind: "host.invited",
          subject: `host/${name || "any"}`,
          message: `invitation ${minted.id} was made`,
          actor: call.values.get(principalKey).name,
        });
      });
      const address = context.advertised();
      const pin = context.authority.serverPinSha256;
      return {
        ...{ token: minted.token, address, expires: timestampFromMs(expiresAt), serverPin: pin },
        installLine: context.installable ? installLine(address, pin, minted.token) : "",
      };
    },
    async removeHost({ name, force }, call) {
      const world = await context.world();
      const row = world.hosts.find((host) => host.name === name && host.state === "active");
      if (row === undefined)
        throw new OzError("not_found", `no host ${name}`, {
          hint: suggestion(
            name,
            world.hosts.map((h) => h.name),
          ),
        });
      const bound = world.replicas.filter((replica) => replica.hostId === row.id);
      if (bound.length > 0 && !force) {
        const names = [...new Set(bound.map((replica) => replica.instance))].join(", ");
        throw new OzError("precondition", `${name} runs ${names}`, {
          hint: "Take them down or bind them to another host first, or add --force: they keep running there, out of reach.",
        });
      }
      await context.store.commit(undefined, async ({ trx, event }) => {
        await updateHost(trx, row.id, { state: "removed" });
        for (const replica of bound) await deleteReplica(trx, replica.id);
        await event({
          kind: "host.removed",
          subject: `host/${name}`,
          message: `${name} was removed`,
          actor: call.values.get(principalKey).name,
        });
      });
      context.revoke(row.id);
      return {};
    },
  });
}

async function requireFreeName(context: ApiContext, name: string): Promise<void> {
  if (!isName(name))
    throw new OzError("bad_request", `${JSON.stringify(name)} is no host name`, {
      hint: "Use letters, digits, dot, dash and underscore.",
    });
  const taken = (await context.world()).hosts.some((host) => host.name === name && host.state === "active");
  if (taken)
    throw new OzError("already_exists", `a host ${name} has joined already`, {
      hint: `Choose another name, or remove it first: ozctl host rm ${name}`,
    });
}
