// status: whether the provisioner answers, has a host, and what is active. Exit 0 when it is well, else 1.
import type { HostResources } from "#core/host-resources.ts";
import { OzError } from "#core/errors.ts";
import { counted } from "../errors.ts";
import type { Active } from "./lists.ts";
import { resourcesLine } from "./resources.ts";
import { isHealthy, restGet } from "./rest-call.ts";
import { type Scene, target } from "./scene.ts";

export async function showStatus(scene: Scene): Promise<number> {
  const { io } = scene;
  const api = target(scene);
  if (!(await isHealthy(api.port))) {
    throw new OzError("unavailable", `No provisioner runs at 127.0.0.1:${api.port}.`, {
      hint: "ozwald start_provisioner        On another port?  --port N",
    });
  }
  const active = await restGet<Active[]>(api, "/srv/services/active/");
  io.out(`provisioner  http://127.0.0.1:${api.port}  healthy\n`);
  const host = await restGet<HostResources>(api, "/srv/host/resources").catch((error: unknown) => error);
  if (host instanceof Error) {
    io.out(`host         ${host.message}\n`);
    io.err(`${host instanceof OzError && host.hint !== "" ? host.hint : "ozctl hosts"}\n`);
    return 1;
  }
  const available = active.filter((one) => one.status === "available").length;
  const failed = active.filter((one) => one.status === "failed");
  io.out(`host         ${resourcesLine(io, host as HostResources)}\n`);
  io.out(`services     ${active.length} active, ${available} available\n`);
  io.out(`redis        not needed\n`);
  if (failed.length === 0) return 0;
  io.err(`${counted(failed.length, "service")} failed:  ozctl why ${failed[0]?.name}\n`);
  return 1;
}
