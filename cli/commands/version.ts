// ozctl version: of this program, and with --server of the control plane.
import type { Command } from "commander";
import { commit, protoHash, version } from "#core/version.ts";
import { StatusService } from "#proto/status_pb.ts";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import { printValue } from "../output/format.ts";
import type { Session } from "../session.ts";

export function versionCommand(session: Session): Command {
  const command = newCommand(session, "version", {
    summary: "version of this program and of the control plane",
    examples: ["ozctl version", "ozctl version --server", "ozctl version -o json"],
  });
  withOutput(command, ["json", "yaml"]).option("--server", "ask the control plane too");
  return runs(session, command, async ({ server, output }: { server?: boolean; output?: OutputFormat }) => {
    const client = server ? await session.client() : undefined;
    const status = await client?.call(StatusService.method.getStatus, {});
    if (output === "json" || output === "yaml") {
      await printValue(session.io, output, {
        client: { version, commit, proto: protoHash },
        ...(status && { server: { version: status.version, address: status.address } }),
      });
      return 0;
    }
    session.io.out(
      `ozctl ${version} (${commit})\n${status === undefined ? "" : `control plane ${status.version} at ${status.address}\n`}`,
    );
    return 0;
  });
}
