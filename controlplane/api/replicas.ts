// Shows replicas, and decides about those nobody asked for.
import type { ConnectRouter } from "@connectrpc/connect";
import { ReplicasService } from "#proto/replicas_pb.ts";
import type { LiveHost } from "../agents/live-host.ts";
import { principalKey } from "../auth/principal.ts";
import { requireAdoptable, retireUnknown, selectUnknown } from "../change/unknown.ts";
import { replicaViews, unknownViews } from "../view/replica-view.ts";
import type { ApiContext } from "./context.ts";

export function replicaRoutes(router: ConnectRouter, context: ApiContext): void {
  router.service(ReplicasService, {
    async listReplicas({ instance, host }) {
      const world = await context.world();
      const all = [...replicaViews(world, context.hub.hosts()), ...unknownViews(world, context.hub.hosts())];
      const replicas = all.filter(
        (r) => (instance === "" || r.instance === instance) && (host === "" || r.host === host),
      );
      return { replicas, revision: BigInt(world.revision) };
    },
    async adoptReplicas({ host: name, replicaId }, call) {
      const world = await context.world();
      const { host, unknown } = selectUnknown(world, context.hub.hosts(), name, replicaId);
      requireAdoptable(world, unknown);
      await takeAuthority(context, host);
      if (unknown.length > 0) {
        const wanted = new Set(unknown.map((u) => `${u.group}/${u.instance}`));
        await context.changer.carryOut({
          kind: "up",
          title: `adopt ${name}`,
          actor: call.values.get(principalKey).name,
          // Touching the instances is enough: planning takes the unknown replicas back into their slots.
          edit: (w) => ({
            upsert: w.instances
              .filter((row) => wanted.has(`${row.group_name}/${row.name}`))
              .map((row) => ({ ...row, overridden: 0 })),
            remove: [],
            restart: [],
            notices: [],
          }),
          event: { kind: "host.adopted", subject: `host/${name}`, message: `replicas of ${name} were taken back` },
        });
      }
      return { replicaIds: unknown.map((u) => u.replicaId) };
    },
    async retireReplicas({ host: name, replicaId }, call) {
      const { host, unknown } = selectUnknown(await context.world(), context.hub.hosts(), name, replicaId);
      await takeAuthority(context, host);
      if (unknown.length > 0)
        await retireUnknown(context.store, unknown, call.values.get(principalKey).name, context.clock.now());
      return { replicaIds: unknown.map((u) => u.replicaId) };
    },
  });
}

/** A person who decides about a host that obeys another history makes this control plane its authority: the raised epoch goes out with the next assignment. */
async function takeAuthority(context: ApiContext, host: LiveHost): Promise<void> {
  if (!host.obeys && host.state === "online") await context.store.bumpEpoch(context.obeyedEpoch(host.hostId));
}
