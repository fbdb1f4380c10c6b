// ozctl version: of this program, and with --server of the control plane.
import type { Command } from "commander";
import { OzError } from "#core/errors.ts";
import { commit, protoHash, version } from "#core/version.ts";
import { StatusService } from "#proto/status_pb.ts";
import { newCommand, type OutputFormat, runs, withOutput } from "../command.ts";
import { printValue } from "../output/format.ts";
import type { Session } from "../session.ts";

type VersionOptions = { server?: boolean; output?: OutputFormat; licenses?: boolean };

export function versionCommand(session: Session): Command {
  const command = newCommand(session, "version", {
    summary: "version of this program and of the control plane",
    examples: ["ozctl version", "ozctl version --server", "ozctl version -o json", "ozctl version --licenses"],
  });
  withOutput(command, ["json", "yaml"])
    .option("--server", "ask the control plane too")
    .option("--licenses", "texts of the licences of everything it holds");
  return runs(session, command, async ({ server, output, licenses }: VersionOptions) => {
    if (licenses) {
      session.io.out(licenceTexts());
      return 0;
    }
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

/** The executable carries them; the package for laptops has them beside the program. */
function licenceTexts(): string {
  const { isSea, getAsset } = process.getBuiltinModule("node:sea");
  if (!isSea())
    throw new OzError("not_supported", "Only the executable carries the licence texts.", {
      hint: "From a package of npm they are in its file NOTICES; from source they are in node_modules.",
    });
  return process.getBuiltinModule("node:zlib").gunzipSync(getAsset("notices.gz")).toString("utf8");
}
