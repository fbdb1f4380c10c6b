// Tells how the control plane itself is.
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";
import { OzError } from "#core/errors.ts";
import { version } from "#core/version.ts";
import { type Host, HostState } from "#proto/hosts_pb.ts";
import { ReplicaState } from "#proto/replicas_pb.ts";
import { HealthService, StatusService } from "#proto/status_pb.ts";
import { publicMaxBytes } from "../auth/rules.ts";
import { hostList } from "../view/host-view.ts";
import { replicaViews } from "../view/replica-view.ts";
import type { ApiContext } from "./context.ts";

export function statusRoutes(router: ConnectRouter, context: ApiContext): void {
  const health: ServiceImpl<typeof HealthService> = {
    async check() {
      await context.store
        .read(async (read) => read.selectFrom("revision").select("n").executeTakeFirst())
        .catch((error: unknown) => {
          throw new OzError("unavailable", "the store cannot be read", { cause: error });
        });
      return { status: "healthy" };
    },
  };
  router.service(HealthService, health, { readMaxBytes: publicMaxBytes });
  router.service(StatusService, {
    async getStatus() {
      const world = await context.world();
      const hosts = hostList(world, context.hub.hosts());
      const replicas = replicaViews(world, context.hub.hosts());
      return {
        version,
        clusterId: context.authority.clusterId,
        started: timestampFromMs(context.startedAt),
        address: context.advertised(),
        caSha256: context.authority.caSha256,
        revision: BigInt(context.store.revision),
        checks: [
          { name: "store", ok: true, message: `revision ${context.store.revision}`, hint: "" },
          ...context.checks(),
          ...hosts.flatMap(hostCheck),
        ],
        hostsOnline: hosts.filter((host) => host.state === HostState.ONLINE).length,
        hosts: hosts.length,
        replicasReady: replicas.filter((replica) => replica.state === ReplicaState.READY).length,
        replicas: replicas.length,
      };
    },
  });
}

function hostCheck(host: Host): { name: string; ok: boolean; message: string; hint: string }[] {
  const engine = host.inventory?.engine?.error ?? "";
  const bad =
    host.state === HostState.OFFLINE || host.state === HostState.QUARANTINED || host.problem !== "" || engine !== "";
  if (!bad) return [];
  const message = host.problem || (engine === "" ? "its agent does not answer" : `container engine: ${engine}`);
  return [
    {
      name: `host ${host.name}`,
      ok: false,
      message,
      hint:
        engine === ""
          ? `On ${host.name}: systemctl status ozwald-agent, or ozwald-agent status`
          : `On ${host.name}: is the container engine running?`,
    },
  ];
}
