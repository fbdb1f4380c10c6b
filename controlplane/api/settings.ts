// Plans and applies settings.
import type { ConnectRouter } from "@connectrpc/connect";
import { OzError } from "#core/errors.ts";
import { randomId } from "#core/ids.ts";
import type { Settings } from "#core/settings/settings.ts";
import { type ApplySettingsRequest, type PlanSettingsRequest, SettingsService } from "#proto/settings_pb.ts";
import { principalKey } from "../auth/principal.ts";
import type { ChangeRequest } from "../change/change.ts";
import { applyEditOf } from "../change/edits.ts";
import { requireName } from "../change/require-group.ts";
import type { ApiContext } from "./context.ts";
import { settingsError } from "./errors.ts";

export function settingsRoutes(router: ConnectRouter, context: ApiContext): void {
  router.service(SettingsService, {
    async planSettings(request) {
      return { plan: await context.changer.preview(await applyRequest(context, request, "", undefined)) };
    },
    async applySettings(request, call) {
      const expected = request.expectedRevision === undefined ? undefined : Number(request.expectedRevision);
      const actor = call.values.get(principalKey).name;
      return context.changer.carryOut({
        ...(await applyRequest(context, request, actor, expected)),
        idempotencyKey: request.idempotencyKey,
      });
    },
  });
}

async function applyRequest(
  context: ApiContext,
  request: PlanSettingsRequest | ApplySettingsRequest,
  actor: string,
  expected: number | undefined,
): Promise<ChangeRequest> {
  const settings = await parse(request);
  const files = JSON.stringify(request.files.map(({ name, text }) => ({ name, text })));
  const title = `apply ${settings.project}`;
  return {
    kind: "apply",
    title,
    actor,
    edit: (world) =>
      applyEditOf(world, settings, files, expected, {
        now: context.clock.now(),
        newId: () => randomId(context.random),
      }),
    concerns: (replica) =>
      settings.instances.some((wish) => wish.name === replica.instance && wish.group === replica.group),
    event: { kind: "settings.applied", subject: `project/${settings.project}`, message: title },
  };
}

/** The parser brings YAML and the schema, some MiB: it is loaded by the first who needs it. */
async function parse(request: PlanSettingsRequest | ApplySettingsRequest): Promise<Settings> {
  if (request.files.length === 0) throw new OzError("bad_request", "no settings file was sent");
  if (request.project !== "") requireName(request.project);
  const { parseSettings } = await import("#core/settings/parse-settings.ts");
  const result = parseSettings(request.files, {
    envFiles: request.envFiles,
    ...(request.project === "" ? {} : { project: request.project }),
  });
  if (result.settings === undefined) throw settingsError(result.problems, result.more);
  return result.settings;
}
