// ozctl import: Compose files and containers as settings. Prints; changes nothing.
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import { OzError } from "#core/errors.ts";
import type { Imported } from "#core/import/compose.ts";
import { newCommand, runs } from "../command.ts";
import { counted } from "../errors.ts";
import type { Session } from "../session.ts";
import { readText } from "../read-text.ts";

const composeNames = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

export function importCommand(session: Session): Command {
  const command = newCommand(session, "import", {
    summary: "print settings made from Compose files or containers",
    description: "What cannot be carried over is listed above each service, and on standard error.",
    examples: [
      "ozctl import compose docker-compose.yml > ozwald.yml",
      "ozctl import container ollama open-webui > ozwald.yml",
    ],
  });
  const compose = newCommand(session, "import compose", {
    summary: "settings from Compose files",
    description:
      "Without FILE, the Compose file of the folder. Later files are laid over earlier ones. Variables come from\n.env beside the first file, and from the shell.",
    examples: ["ozctl import compose > ozwald.yml", "ozctl import compose compose.yml gpu.yml --profile gpu"],
  });
  const collect = (name: string, names: string[]) => [...names, name];
  compose
    .argument("[file...]", "Compose files")
    .option("--project <name>", "name of the project (default: that of the file, else of the folder)")
    .option("--profile <name>", "start the services of this profile too; may be given again, * is all", collect, []);
  runs(session, compose, (files: string[], options: ComposeWords) => fromCompose(session, files, options));
  const container = newCommand(session, "import container", {
    summary: "settings from containers of this machine's engine",
    description: "The containers are only looked at. Stop them before you apply.",
    examples: ["ozctl import container ollama > ozwald.yml"],
  });
  container
    .argument("<name...>", "names or ids of containers")
    .option("--project <name>", "name of the project", "imported");
  runs(session, container, (names: string[], { project }: { project: string }) =>
    fromContainers(session, names, project),
  );
  command.addCommand(compose);
  command.addCommand(container);
  return command;
}

type ComposeWords = { project?: string; profile: string[] };

async function fromCompose({ io }: Session, named: readonly string[], words: ComposeWords): Promise<number> {
  const paths = named.length > 0 ? named : composeNames.filter((name) => existsSync(resolve(io.cwd, name))).slice(0, 1);
  const [first] = paths;
  if (first === undefined)
    throw new OzError("bad_request", `There is no Compose file in ${io.cwd}.`, {
      hint: "Name it:  ozctl import compose FILE",
    });
  const folder = dirname(resolve(io.cwd, first));
  const files = paths.map((path) => ({ name: path, text: readText(resolve(io.cwd, path), path) }));
  const { importCompose } = await import("#core/import/compose.ts");
  const env = resolve(folder, ".env");
  const imported = importCompose(files, {
    folder,
    variables: io.env,
    ...(existsSync(env) && { dotEnv: readText(env, ".env") }),
    profiles: words.profile,
    ...(words.project !== undefined && { project: words.project }),
    envFile: (path) => (existsSync(path) ? readText(path, path) : undefined),
  });
  return await print(io, imported, `ozctl import compose ${paths.join(" ")}`);
}

async function fromContainers({ io }: Session, names: readonly string[], project: string): Promise<number> {
  const [{ askEngine, engineSocket }, { importContainers }] = await Promise.all([
    import("../engine-socket.ts"),
    import("#core/import/container.ts"),
  ]);
  const socket = engineSocket(io.env["DOCKER_HOST"], io.platform);
  // One that tells only of containers, such as a filter before the socket, is good enough.
  const engine = await askEngine(socket, "/info").catch(() => undefined);
  const inspected = [];
  for (const name of names) {
    const container = await askEngine(socket, `/containers/${encodeURIComponent(name)}/json`);
    const { Image } = container as { Image?: string };
    // An image that was removed since says nothing by itself any more; then everything is written.
    const image = await askEngine(socket, `/images/${encodeURIComponent(Image ?? "")}/json`).catch(() => undefined);
    inspected.push({ container, image, engine });
  }
  return await print(io, importContainers(inspected, project), `ozctl import container ${names.join(" ")}`);
}

async function print(io: Session["io"], imported: Imported, madeBy: string): Promise<number> {
  const { settingsYaml } = await import("#core/import/settings-yaml.ts");
  io.out(settingsYaml(imported, madeBy));
  for (const { key, text, at } of imported.notes) {
    io.err(`${at === undefined ? "" : `${at} `}${key === "" ? "" : `${key}: `}${text}\n`);
  }
  const { services, instances } = imported.settings;
  const sum = `${counted(services.length, "service")}, ${counted(instances.length, "instance")}`;
  io.err(`${sum}, ${counted(imported.notes.length, "note")}.\n`);
  return 0;
}
