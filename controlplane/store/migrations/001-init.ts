// The first schema. Times are milliseconds since 1970 and need 64 bits; JSON is text.
import { type CreateTableBuilder, type Transaction, sql } from "kysely";
import type { DatabaseKind, Migration } from "./migration.ts";

type Columns = Record<string, "text" | "text?" | "int" | "int?">;
type Untyped = Record<string, Record<string, unknown>>;

export const init: Migration = {
  version: 1,
  name: "init",
  async up(trx, kind) {
    const make = tableMaker(trx, kind);
    await make("meta", { key: "text", value: "text" }, ["key"]);
    await make("revision", { id: "int", n: "int" }, ["id"]);
    await make("incarnations", { incarnation: "text", epoch: "int", started_at: "int" }, ["incarnation"]);
    await makeAccess(make);
    await make("projects", { name: "text", revision: "int", files: "text", settings: "text", applied_at: "int" }, [
      "name",
    ]);
    await makeWork(make);
    await make(
      "events",
      { revision: "int", ordinal: "int", at: "int", kind: "text", subject: "text", message: "text", actor: "text" },
      ["revision", "ordinal"],
    );
    await makeOperations(trx, kind);
    await makeIndexes(trx);
    await trx.insertInto("revision").values({ id: 1, n: 0 }).execute();
    await trx.insertInto("meta").values({ key: "cluster_epoch", value: "1" }).execute();
  },
};

type Make = (name: string, columns: Columns, key: string[], more?: (table: Builder) => Builder) => Promise<void>;
type Builder = CreateTableBuilder<string, string>;

async function makeAccess(make: Make): Promise<void> {
  await make(
    "hosts",
    {
      id: "text",
      name: "text",
      state: "text",
      joined_at: "int",
      agent_version: "text",
      address: "text",
      inventory: "text",
      last_boot_id: "text",
      last_heard_at: "int",
    },
    ["id"],
  );
  await make(
    "invites",
    {
      id: "text",
      secret_hash: "text",
      host_name: "text",
      created_at: "int",
      expires_at: "int",
      used_at: "int?",
      used_by: "text?",
    },
    ["id"],
  );
  await make(
    "tokens",
    { id: "text", secret_hash: "text", name: "text", role: "text", created_at: "int", expires_at: "int?" },
    ["id"],
  );
}

async function makeWork(make: Make): Promise<void> {
  await make(
    "instances",
    {
      id: "text",
      group_name: "text",
      name: "text",
      owner: "text",
      service: "text",
      variety: "text",
      profile: "text",
      replicas: "int",
      host: "text",
      overridden: "int",
      created_at: "int",
    },
    ["id"],
  );
  await make(
    "replicas",
    {
      id: "text",
      instance_id: "text?",
      group_name: "text",
      instance_name: "text",
      slot: "int",
      host_id: "text?",
      generation: "int",
      spec: "text",
      spec_hash: "text",
      claims: "text",
      wish: "text",
      rejected_by: "text",
      reason: "text",
      observed: "text",
      created_at: "int",
    },
    ["id"],
    (table) =>
      table
        // A replica outlives its instance until its container is gone; a host cannot go while replicas are bound to it.
        .addForeignKeyConstraint("replicas_instance", ["instance_id"], "instances", ["id"], (key) =>
          key.onDelete("set null"),
        )
        .addForeignKeyConstraint("replicas_host", ["host_id"], "hosts", ["id"]),
  );
}

/** The one table whose ids people see: they count up and are never given twice, also after the oldest were pruned. */
async function makeOperations(trx: Transaction<Untyped>, kind: DatabaseKind): Promise<void> {
  const start = trx.schema
    .createTable("operations")
    .addColumn("id", kind === "sqlite" ? "integer" : "bigint", (id) =>
      kind === "sqlite" ? id.primaryKey().autoIncrement() : id.primaryKey().generatedByDefaultAsIdentity(),
    );
  const columns: Columns = {
    kind: "text",
    title: "text",
    state: "text",
    plan: "text",
    targets: "text",
    actor: "text",
    idempotency_key: "text?",
    started_at: "int",
    ended_at: "int?",
  };
  await strict(withColumns(start as Builder, columns, kind), kind).execute();
}

async function makeIndexes(trx: Transaction<Untyped>): Promise<void> {
  const { schema } = trx;
  const active = sql.ref("state");
  // A removed host keeps its row, so that its certificate stays refused; its name is free again.
  await schema
    .createIndex("hosts_active_name")
    .on("hosts")
    .column("name")
    .unique()
    .where(sql<boolean>`${active} = 'active'`)
    .execute();
  await schema.createIndex("instances_name").on("instances").columns(["group_name", "name"]).unique().execute();
  await schema.createIndex("instances_owner").on("instances").column("owner").execute();
  await schema.createIndex("replicas_instance_id").on("replicas").column("instance_id").execute();
  await schema.createIndex("replicas_host_id").on("replicas").column("host_id").execute();
  await schema.createIndex("operations_key").on("operations").column("idempotency_key").unique().execute();
  await schema.createIndex("operations_state").on("operations").column("state").execute();
  await schema.createIndex("events_subject").on("events").columns(["subject", "revision"]).execute();
  await schema.createIndex("incarnations_epoch").on("incarnations").column("epoch").execute();
}

function tableMaker(trx: Transaction<Untyped>, kind: DatabaseKind): Make {
  return async (name, columns, key, more = (table) => table) => {
    const table = withColumns(trx.schema.createTable(name) as Builder, columns, kind);
    const keyed = table.addPrimaryKeyConstraint(`${name}_key`, key as [string]);
    await strict(more(keyed as Builder), kind).execute();
  };
}

function withColumns(table: Builder, columns: Columns, kind: DatabaseKind): Builder {
  let made = table;
  for (const [name, type] of Object.entries(columns)) {
    const column = type.startsWith("text") ? "text" : kind === "sqlite" ? "integer" : "bigint";
    made = made.addColumn(name, column, (c) => (type.endsWith("?") ? c : c.notNull()));
  }
  return made;
}

/** SQLite keeps whatever it is given unless a table is STRICT. */
function strict(table: Builder, kind: DatabaseKind): Builder {
  return kind === "sqlite" ? table.modifyEnd(sql`strict`) : table;
}
