// Refuses a wish about an instance that is not what the wish says it is. Pure.
import { OzError } from "#core/errors.ts";
import { nameInGroup } from "#core/names.ts";
import type { InstanceTable } from "../store/tables.ts";
import type { World } from "../world.ts";

/** What an instance is said to be; empty for anything. */
export type InstanceTraits = { service: string; variety: string; profile: string; host: string };

/** Throws bad_request with what the instance really is. Where it leaves the choice to placement, what its replicas got counts. */
export function requireMatch(world: World, row: InstanceTable, said: InstanceTraits): void {
  const replicas = world.replicas.filter((replica) => replica.instanceId === row.id && replica.wish === "run");
  const hostName = (id: string | null) => world.hosts.find((host) => host.id === id)?.name ?? "";
  const real: Record<keyof InstanceTraits, readonly string[]> = {
    service: [row.service],
    variety: row.variety === "" ? replicas.map((replica) => replica.spec.variety) : [row.variety],
    profile: [row.profile],
    host: row.host === "" ? replicas.map((replica) => hostName(replica.hostId)) : [row.host],
  };
  const wrong = (["service", "variety", "profile", "host"] as const).flatMap((trait) => {
    const values = [...new Set(real[trait])].filter((value) => value !== "").toSorted();
    if (said[trait] === "" || (values.length === 1 && values[0] === said[trait])) return [];
    const alone = values.includes(said[trait]) ? " alone" : "";
    return [`its ${trait} is ${values.join(" and ") || "none"}, not ${said[trait]}${alone}`];
  });
  if (wrong.length === 0) return;
  const name = nameInGroup(row.group_name, row.name);
  throw new OzError("bad_request", `${name} is another one: ${wrong.join("; ")}`, {
    hint: `Look at it: ozctl show ${name}   or stop it whatever it is: ozctl down ${name}`,
  });
}
