// list_configured_services and list_active_services.
import { type Column, table } from "../output/table.ts";
import { restGet } from "./rest-call.ts";
import { type Scene, target } from "./scene.ts";

/** The parts of a service definition that are shown. */
type Configured = {
  service_name: string;
  realm: string;
  type: string;
  description: string;
  varieties: Record<string, unknown>;
  profiles: Record<string, unknown>;
};

export type Active = {
  name: string;
  service: string;
  variety: string | null;
  profile: string | null;
  status: string;
  host: string | null;
  endpoint: string | null;
};

export async function listConfigured(scene: Scene): Promise<number> {
  const services = await restGet<Configured[]>(target(scene), "/srv/services/configured/");
  if (services.length === 0) scene.io.out("No service is configured.  ozctl apply -f ozwald.yml\n");
  else scene.io.out(table(scene.io, configuredColumns, services));
  return 0;
}

export async function listActive(scene: Scene): Promise<number> {
  const records = await restGet<Active[]>(target(scene), "/srv/services/active/");
  if (records.length === 0) scene.io.out("No service is active.\n");
  else scene.io.out(table(scene.io, activeColumns, records));
  return 0;
}

const configuredColumns: Column<Configured>[] = [
  { title: "SERVICE", value: (one) => one.service_name },
  { title: "TYPE", value: (one) => one.type },
  { title: "VARIETIES", value: (one) => Object.keys(one.varieties).join(" "), shrink: true },
  { title: "PROFILES", value: (one) => Object.keys(one.profiles).join(" "), shrink: true },
  { title: "DESCRIPTION", value: (one) => one.description, shrink: true },
];

const activeColumns: Column<Active>[] = [
  { title: "NAME", value: (one) => one.name },
  { title: "SERVICE", value: (one) => one.service },
  { title: "VARIETY", value: (one) => one.variety ?? "" },
  { title: "PROFILE", value: (one) => one.profile ?? "" },
  { title: "STATUS", value: (one) => one.status },
  { title: "HOST", value: (one) => one.host ?? "" },
  { title: "ENDPOINT", value: (one) => one.endpoint ?? "", shrink: true },
];
