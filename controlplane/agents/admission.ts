// Decides whether an agent may come in and whether it will obey: its certificate is good, but is this the control plane it belongs to?
import type { Clock } from "#core/clock.ts";
import { isName } from "#core/names.ts";
import type { Hello } from "#proto/agent_pb.ts";
import { hostById, listHosts, upsertHost } from "../store/hosts.ts";
import type { Store } from "../store/store.ts";
import type { Admit } from "./agent-session.ts";

type History = { readonly obeys: boolean; readonly problem: string; readonly historyContainsObeyed: boolean };

export type Admissions = {
  readonly admit: Admit;
  /** Epoch that the host obeyed when it last said hello; 0 when it obeyed none. */
  obeyedEpoch(hostId: string): number;
};

export function createAdmission(store: Store, clusterId: string, clock: Clock): Admissions {
  const epochs = new Map<string, number>();
  return {
    async admit(hostId, hello, certifiedName) {
      const row = await store.read((read) => hostById(read, hostId));
      if (row?.state === "removed")
        return {
          admitted: false,
          reason: "revoked",
          message: "this host was removed from the cluster; to come back it has to join again",
        };
      if (row === undefined) await welcomeBack(store, hostId, hello, certifiedName, clock.now());
      epochs.set(hostId, Number(hello.obeyedEpoch));
      return {
        admitted: true,
        clusterId,
        clusterEpoch: store.epoch,
        incarnation: store.incarnation,
        ...historyOf(hello, store),
      };
    },
    obeyedEpoch: (hostId) => epochs.get(hostId) ?? 0,
  };
}

/** At an equal epoch an agent obeys only a history that holds the incarnation it last obeyed; a lower epoch is never obeyed. */
export function historyOf(
  hello: Pick<Hello, "obeyedEpoch" | "obeyedIncarnation">,
  store: Pick<Store, "epoch" | "knowsIncarnation">,
): History {
  const epoch = Number(hello.obeyedEpoch);
  const historyContainsObeyed = hello.obeyedIncarnation === "" || store.knowsIncarnation(hello.obeyedIncarnation);
  const obeys =
    hello.obeyedIncarnation === "" || epoch < store.epoch || (epoch === store.epoch && historyContainsObeyed);
  const problem = obeys
    ? ""
    : "belongs to another history: this database is older or new. It keeps what it runs; take it over with ozctl adopt";
  return { obeys, problem, historyContainsObeyed };
}

/** A certificate of ours that the store has no row for: the store was emptied or is older. The host is written again under the name it had. */
async function welcomeBack(
  store: Store,
  hostId: string,
  hello: Hello,
  certifiedName: string | undefined,
  now: number,
): Promise<void> {
  await store.commit(undefined, async ({ trx, event }) => {
    const taken = new Set((await listHosts(trx)).map((host) => host.name));
    const own = certifiedName ?? hello.inventory?.hostname.split(".")[0] ?? "";
    const base = isName(own) ? own : "host";
    let name = base;
    for (let n = 2; taken.has(name); n++) name = `${base}-${n}`;
    await upsertHost(trx, {
      id: hostId,
      name,
      state: "active",
      joined_at: now,
      agent_version: hello.agentVersion,
      address: "",
      inventory: "",
      last_boot_id: hello.bootId,
      last_heard_at: now,
    });
    await event({
      kind: "host.found",
      subject: `host/${name}`,
      message: `${name} has a certificate of this cluster and was not in the database`,
    });
  });
}
