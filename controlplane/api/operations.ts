// Shows changes in progress to anybody who asks, and ends them.
import type { ConnectRouter } from "@connectrpc/connect";
import { OzError } from "#core/errors.ts";
import { OperationsService } from "#proto/operations_pb.ts";
import { principalKey } from "../auth/principal.ts";
import { cancelEdit } from "../change/cancel.ts";
import { listOperations, operationById, updateOperation } from "../store/operations.ts";
import { type OperationRow, operationView } from "../view/operation-view.ts";
import { replicaViews } from "../view/replica-view.ts";
import type { ApiContext } from "./context.ts";
import { watchChanges } from "./watch.ts";

export function operationRoutes(router: ConnectRouter, context: ApiContext): void {
  const view = async (row: OperationRow) =>
    operationView(row, replicaViews(await context.world(), context.hub.hosts()));
  const require = async (id: bigint): Promise<OperationRow> => {
    const row = await context.store.read((read) => operationById(read, Number(id)));
    if (row === undefined) throw new OzError("not_found", `no operation ${id}`, { hint: "ozctl ops lists them." });
    return row;
  };
  router.service(OperationsService, {
    async listOperations({ limit }) {
      const rows = await context.store.read((read) => listOperations(read, Math.min(limit || 20, 200)));
      return { operations: await Promise.all(rows.toReversed().map(view)) };
    },
    async *watchOperation({ id }, call) {
      await require(id);
      for await (const _ of watchChanges(context, 0, call.signal)) {
        const row = await require(id);
        yield { operation: await view(row) };
        if (row.state !== "running") return;
      }
    },
    async cancelOperation({ id }, call) {
      const row = await require(id);
      if (row.state !== "running") throw new OzError("precondition", `operation ${id} is ${row.state} already`);
      const actor = call.values.get(principalKey).name;
      await context.store.commit(undefined, async ({ trx, event }) => {
        await updateOperation(trx, row.id, { state: "cancelled", ended_at: context.clock.now() });
        await event({
          kind: "operation.cancelled",
          subject: `operation/${row.id}`,
          message: `${row.title}: cancelled`,
          actor,
        });
      });
      await context.changer.carryOut({
        kind: "down",
        title: `take back ${row.title}`,
        actor,
        edit: (world) => cancelEdit(world, context.hub.hosts(), row),
        concerns: () => false,
        event: {
          kind: "operation.taken-back",
          subject: `operation/${row.id}`,
          message: `what ${row.title} had not finished was taken back`,
        },
      });
      return { operation: await view(await require(id)) };
    },
  });
}
