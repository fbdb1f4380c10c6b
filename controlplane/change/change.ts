// The one way in which what is wanted changes: read, edit, plan, commit. A commit that came first means plan again.
import { toJsonString } from "@bufbuild/protobuf";
import { OzError } from "#core/errors.ts";
import type { Clock } from "#core/clock.ts";
import { type RandomBytes, randomId } from "#core/ids.ts";
import { compareText } from "#core/text-order.ts";
import { type Plan, PlanSchema } from "#proto/settings_pb.ts";
import type { LiveHost } from "../agents/live-host.ts";
import { type Change, planReplicas } from "../schedule/plan-replicas.ts";
import { changesAnything, imageNotices, makePlan, planSteps } from "../schedule/plan-steps.ts";
import type { Strategy } from "../schedule/rank.ts";
import { insertOperation, operationByKey } from "../store/operations.ts";
import type { Commit, NewEvent, Store } from "../store/store.ts";
import type { InstanceTable } from "../store/tables.ts";
import { planFromJson } from "../view/plan-json.ts";
import type { Project, World } from "../world.ts";
import { makeSnapshot } from "./snapshot.ts";
import { targetsOf } from "./targets.ts";
import { writeChanges, writeEdit } from "./write-changes.ts";

/** What a request changes before placement looks at it. */
export type Edit = {
  /** Instances after the edit; every other one stays as it is. */
  readonly upsert: readonly InstanceTable[];
  /** Ids of instances that go. */
  readonly remove: readonly string[];
  /** Settings that take the place of a project's own. */
  readonly project?: { readonly name: string; readonly settings: Project["settings"]; readonly files: string };
  /** Replicas that get a new generation although nothing changed. */
  readonly restart: readonly string[];
  readonly notices: readonly string[];
};

export type ChangeRequest = {
  readonly kind: "apply" | "up" | "down" | "restart" | "dynamic";
  readonly title: string;
  /** Who asks, for the event log. */
  readonly actor: string;
  readonly idempotencyKey?: string;
  /** Pure; sees the world, throws OzError for bad input. */
  edit(world: World): Edit;
  /** Which replicas that stay as they are belong into the plan; undefined for all. What changes is always shown. */
  readonly concerns?: (replica: { readonly group: string; readonly instance: string }) => boolean;
  readonly event: NewEvent;
};

export type ChangeResult = { readonly operationId: bigint; readonly plan: Plan };

export type Changer = {
  /** What would happen. Changes nothing. */
  preview(request: ChangeRequest): Promise<Plan>;
  /** Makes it wanted and durable; returns the operation to watch. */
  carryOut(request: ChangeRequest): Promise<ChangeResult>;
};

export type ChangerOptions = {
  store: Store;
  world(): Promise<World>;
  live(): readonly LiveHost[];
  clock: Clock;
  random: RandomBytes;
  strategy: Strategy;
  /** Epoch that a host obeyed when it last said hello. */
  obeyedEpoch(hostId: string): number;
};

const planAgainMax = 5;

export function createChanger(options: ChangerOptions): Changer {
  const { store, clock } = options;

  async function once(request: ChangeRequest): Promise<ChangeResult> {
    const { world, edit, changes, moves, plan } = await planChange(options, request);
    if (!moves) return { operationId: 0n, plan };
    const operationId = await store.commit(world.revision, async (commit) => {
      await writeEdit(commit, edit, clock.now());
      await writeChanges(commit, changes, clock.now());
      await commit.event({ ...request.event, actor: request.actor });
      return changesAnything(plan.steps) ? await record(commit, request, plan, world, clock.now()) : 0;
    });
    await takeAuthority(options, changes);
    return { operationId: BigInt(operationId), plan };
  }

  return {
    preview: async (request) => (await planChange(options, request)).plan,
    async carryOut(request) {
      const repeated = await findRepeated(store, request.idempotencyKey);
      if (repeated !== undefined) return repeated;
      for (let attempt = 1; ; attempt++) {
        try {
          return await once(request);
        } catch (error) {
          const movedOn = error instanceof OzError && error.code === "conflict" && error.message.startsWith("store");
          if (!movedOn || attempt === planAgainMax) throw error;
        }
      }
    },
  };
}

/** Who wants back what another history of the control plane started decides that this one is obeyed. */
async function takeAuthority({ store, live, obeyedEpoch }: ChangerOptions, changes: readonly Change[]): Promise<void> {
  const adopted = new Set(changes.flatMap((change) => (change.do === "adopt" ? [change.unknown.hostId] : [])));
  for (const { hostId, obeys, state } of live()) {
    if (adopted.has(hostId) && !obeys && state === "online") await store.bumpEpoch(obeyedEpoch(hostId));
  }
}

type Planned = {
  world: World;
  edit: Edit;
  changes: readonly Change[];
  /** Whether anything is written. */ moves: boolean;
  plan: Plan;
};

async function planChange(options: ChangerOptions, request: ChangeRequest): Promise<Planned> {
  const world = await options.world();
  const edit = request.edit(world);
  const after = applyEdit(world, edit);
  const snapshot = makeSnapshot(after, options.live());
  const restart = new Set(edit.restart);
  const newId = () => randomId(options.random);
  const changes = planReplicas(snapshot, { newId, strategy: options.strategy, restart });
  const shown = changes.filter((change) => change.do !== "keep" || (request.concerns?.(change.replica) ?? true));
  const steps = planSteps(shown, snapshot.hosts);
  const moves = changes.some((change) => change.do !== "keep" && change.do !== "stay") || after !== world;
  const project = edit.project?.name;
  // A project counts its own revisions; everything else is told by the store's.
  const from = project === undefined ? world.revision : (world.projects.find((p) => p.name === project)?.revision ?? 0);
  const notices = [...edit.notices, ...imageNotices(steps, snapshot.hosts)];
  return { world, edit, changes, moves, plan: makePlan(project ?? "", from, from + (moves ? 1 : 0), steps, notices) };
}

function record({ trx }: Commit, request: ChangeRequest, made: Plan, before: World, now: number): Promise<number> {
  return insertOperation(trx, {
    kind: request.kind,
    title: request.title,
    state: "running",
    plan: toJsonString(PlanSchema, made),
    targets: JSON.stringify(targetsOf(made, before.instances, now)),
    actor: request.actor,
    idempotency_key: request.idempotencyKey || null,
    started_at: now,
    ended_at: null,
  });
}

async function findRepeated(store: Store, key: string | undefined): Promise<ChangeResult | undefined> {
  if (key === undefined || key === "") return undefined;
  const row = await store.read((read) => operationByKey(read, key));
  if (row === undefined) return undefined;
  return { operationId: BigInt(row.id), plan: planFromJson(row.plan) };
}

/** The world as it would be after the edit; the same object when nothing changes. */
export function applyEdit(world: World, edit: Edit): World {
  const ids = new Set([...edit.remove, ...edit.upsert.map((row) => row.id)]);
  const instances = [...world.instances.filter((row) => !ids.has(row.id)), ...edit.upsert];
  const replaced = edit.project;
  const before = world.projects.find((project) => project.name === replaced?.name);
  const sameProject =
    replaced === undefined ||
    (before !== undefined && JSON.stringify(before.settings) === JSON.stringify(replaced.settings));
  const sameInstances =
    edit.remove.length === 0 &&
    edit.upsert.every((row) => JSON.stringify(row) === JSON.stringify(world.instances.find((r) => r.id === row.id)));
  if (sameProject && sameInstances && edit.restart.length === 0) return world;
  const projects =
    replaced === undefined
      ? world.projects
      : [
          ...world.projects.filter((p) => p !== before),
          { name: replaced.name, revision: (before?.revision ?? 0) + 1, settings: replaced.settings },
        ].toSorted((a, b) => compareText(a.name, b.name));
  return { ...world, instances, projects };
}
