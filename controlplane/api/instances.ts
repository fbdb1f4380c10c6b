// Shows and changes what is wanted.
import { create } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { randomId } from "#core/ids.ts";
import { nameInGroup } from "#core/names.ts";
import { InstancesService, WatchInstancesResponseSchema } from "#proto/instances_pb.ts";
import { principalKey } from "../auth/principal.ts";
import type { ChangeRequest } from "../change/change.ts";
import { downEdit, dynamicEdit, type EditContext, restartEdit, upEdit } from "../change/edits.ts";
import { instanceSubject } from "../store/events.ts";
import { instanceList } from "../view/instance-view.ts";
import type { ApiContext } from "./context.ts";
import { explainInstance } from "./explain.ts";
import { watchChanges } from "./watch.ts";

export function instanceRoutes(router: ConnectRouter, context: ApiContext): void {
  const editContext = (): EditContext => ({ now: context.clock.now(), newId: () => randomId(context.random) });
  const list = async () => instanceList(await context.world(), context.hub.hosts());
  const run = (
    call: HandlerContext,
    kind: ChangeRequest["kind"],
    name: string,
    group: string,
    edit: ChangeRequest["edit"],
    idempotencyKey = "",
  ) =>
    context.changer.carryOut({
      kind,
      title: name === "" ? kind : `${kind} ${nameInGroup(group, name)}`,
      actor: call.values.get(principalKey).name,
      idempotencyKey,
      edit,
      concerns: (replica) => name === "" || (replica.instance === name && replica.group === (group || "default")),
      event: {
        kind: `instance.${kind}`,
        subject: name === "" ? "instances" : instanceSubject(group, name),
        message: name === "" ? "dynamic instances replaced" : `${kind} ${nameInGroup(group, name)}`,
      },
    });
  router.service(InstancesService, {
    listInstances: list,
    async *watchInstances({ afterRevision }, call) {
      for await (const revision of watchChanges(context, Number(afterRevision), call.signal)) {
        const { instances, unknown } = await list();
        yield create(WatchInstancesResponseSchema, { instances, unknown, revision: BigInt(revision) });
      }
    },
    upInstance(request, call) {
      const { name, service, variety, profile, host, replicas, idempotencyKey } = request;
      const wish = { name, service, variety, profile, host, replicas, group: request.group || "default" };
      return run(call, "up", name, request.group, (world) => upEdit(world, wish, editContext()), idempotencyKey);
    },
    downInstance(request, call) {
      const { name, group, idempotencyKey, ...said } = request;
      return run(call, "down", name, group, (world) => downEdit(world, group, name, said), idempotencyKey);
    },
    restartInstance: ({ name, group, idempotencyKey }, call) =>
      run(call, "restart", name, group, (world) => restartEdit(world, group, name), idempotencyKey),
    replaceDynamicInstances: ({ instances }, call) =>
      run(call, "dynamic", "", "", (world) => dynamicEdit(world, instances, editContext())),
    explainInstance: (request) => explainInstance(context, request),
  });
}
