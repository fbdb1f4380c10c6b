// Lets a machine become a host. The token is checked, used up and the host written in one commit.
import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";
import { OzError } from "#core/errors.ts";
import { randomId } from "#core/ids.ts";
import { isName } from "#core/names.ts";
import { EnrollmentService } from "#proto/hosts_pb.ts";
import { parseJoinToken } from "#core/join-token.ts";
import { publicMaxBytes } from "../auth/rules.ts";
import { secretMatches } from "../auth/tokens.ts";
import { listHosts, upsertHost } from "../store/hosts.ts";
import { requireInvite, takeInvite } from "../store/invites.ts";
import type { Read } from "../store/store.ts";
import type { ApiContext } from "./context.ts";

export function enrollmentRoutes(router: ConnectRouter, context: ApiContext): void {
  const enrollment: ServiceImpl<typeof EnrollmentService> = {
    async enroll({ token, csrPem, hostname }) {
      const parsed = parseJoinToken(token);
      const hostId = randomId(context.random, 16);
      for (let attempt = 1; ; attempt++) {
        const now = context.clock.now();
        const proof = { id: parsed.id, secretMatches: (hash: string) => secretMatches(parsed.secret, hash), now };
        // Before anything else: without a good token nobody learns a name or has anything signed.
        const planned = await context.store.read(async (read) => {
          const invite = await requireInvite(read, proof);
          return freeName(await activeNames(read), invite.host_name, hostname);
        });
        // Signed before the commit: a request that cannot be signed uses nothing up.
        const certificatePem = await context.authority.signAgent(csrPem, { hostId, name: planned });
        try {
          await context.store.commit(undefined, async ({ trx, event }) => {
            await takeInvite(trx, { ...proof, usedBy: hostId });
            if ((await activeNames(trx)).has(planned)) throw new OzError("conflict", `${planned} was taken meanwhile`);
            await upsertHost(trx, {
              id: hostId,
              name: planned,
              state: "active",
              joined_at: now,
              agent_version: "",
              address: "",
              inventory: "",
              last_boot_id: "",
              last_heard_at: 0,
            });
            await event({ kind: "host.joined", subject: `host/${planned}`, message: `${planned} joined` });
          });
        } catch (error) {
          if (error instanceof OzError && error.code === "conflict" && attempt < 5) continue;
          throw error;
        }
        return {
          hostId,
          name: planned,
          certificatePem,
          caPem: context.authority.caPem,
          clusterId: context.authority.clusterId,
        };
      }
    },
  };
  router.service(EnrollmentService, enrollment, { readMaxBytes: publicMaxBytes });
}

async function activeNames(read: Read): Promise<Set<string>> {
  return new Set((await listHosts(read)).filter((host) => host.state === "active").map((host) => host.name));
}

/** The invited name, else the machine's own; with a number when another host has it. */
function freeName(taken: ReadonlySet<string>, invited: string, hostname: string): string {
  if (invited !== "") {
    if (taken.has(invited))
      throw new OzError("already_exists", `a host ${invited} has joined already`, {
        hint: "Invite this one under another name.",
      });
    return invited;
  }
  const own = hostname.split(".")[0] ?? "";
  const base = isName(own) ? own : "host";
  for (let n = 1; ; n++) {
    const name = n === 1 ? base : `${base}-${n}`;
    if (!taken.has(name)) return name;
  }
}
