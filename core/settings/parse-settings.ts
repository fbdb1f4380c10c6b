// From texts to settings, or to everything that is wrong with them at once.
import { compileFiles } from "./compile-files.ts";
import {
  checkHostPorts,
  checkImages,
  checkInstances,
  checkPortNames,
  indexOf,
  type Scope,
} from "./cross-references.ts";
import { resolveDependencies } from "./depends-on.ts";
import { type Draft, draftOf } from "./draft.ts";
import { maxFiles } from "./limits.ts";
import { createNoticeList } from "./notices.ts";
import { checkOriginalKeys } from "./original-keys.ts";
import { createProblemList, type ProblemList } from "./problem.ts";
import { settingsFile } from "./schema.ts";
import { checkAgainst } from "./schema-problems.ts";
import type { ParseResult, Problem } from "./settings.ts";
import { withoutExtensions } from "./without-extensions.ts";
import { readYaml } from "./yaml-source.ts";

export { formatProblem } from "./problem.ts";
export { envFilePaths } from "./env-file.ts";

export type ParseOptions = {
  /** Texts of env files by the path as written, for files that have none of their own by that path. */
  readonly envFiles?: Readonly<Record<string, string>>;
  /** Name of the project, whatever the files say. */
  readonly project?: string;
};

export type SettingsInput = {
  readonly name: string;
  readonly text: string;
  /** Texts of the env files that this file names, by the path as written. */
  readonly envFiles?: Readonly<Record<string, string>>;
  /** Values of `${NAME}` in its paths of the host. Without one such a path is a problem: it is a path on the target host. */
  readonly variables?: Readonly<Record<string, string>>;
};

/** Instances of one project. What depends on each other is looked at in pairs. */
const maxInstances = 5000;

/**
 * Reads settings files, later ones laid over earlier ones: a service, instance, host or volume of the same name is replaced, new
 * ones are appended. Gives settings, or every problem with its place. Never throws on what a person wrote. The project is that of
 * the options, else of the last file that names one, else "default".
 */
export function parseSettings(files: readonly SettingsInput[], options: ParseOptions = {}): ParseResult {
  const problems = createProblemList();
  const notices = createNoticeList();
  const [first] = files;
  if (first === undefined)
    return failed({
      problems: [
        { file: "", line: 1, column: 1, path: "", message: "no settings file was given", hint: "Name one with -f." },
      ],
      more: false,
    });
  if (files.length > maxFiles)
    problems.addAt(
      first.name,
      { line: 1, column: 1 },
      `${files.length} settings files were given, at most ${maxFiles} are read`,
    );
  const sources = files.slice(0, maxFiles).map((file) => {
    const source = readYaml(file.name, file.text, problems);
    return {
      ...source,
      value: withoutExtensions(settingsFile, source.value),
      envFiles: { ...options.envFiles, ...file.envFiles },
      variables: file.variables ?? {},
    };
  });
  const readable = sources.filter((source) => source.value !== undefined);
  for (const source of readable) checkAgainst(settingsFile, source.value, { source, path: [] }, problems);
  // Names may be defined in a file that could not be read: what refers to them is not judged then.
  if (readable.length < sources.length) return failed(problems.sorted());
  const drafts = readable.map(draftOf);
  const compiled = compileFiles(drafts, { problems, notices });
  const project = options.project || drafts.findLast((draft) => draft.project !== undefined)?.project || "default";
  const named = allNames(drafts);
  const scope: Scope = { compiled, named, problems, notices, index: indexOf(compiled, named) };
  const [tooMany] = compiled.instances.slice(maxInstances);
  if (tooMany !== undefined) {
    problems.add(
      tooMany.place,
      `a project has at most ${maxInstances} instances, here are ${compiled.instances.length}`,
      "Use replicas, or several projects.",
    );
    return failed(problems.sorted());
  }
  checkImages(scope);
  const runnables = checkInstances(scope);
  checkHostPorts(runnables, problems);
  checkPortNames(runnables, problems);
  checkOriginalKeys(drafts, scope);
  const instances = resolveDependencies(runnables, scope);
  const found = problems.sorted();
  if (found.problems.length > 0) return failed(found);
  const settings = {
    project,
    hosts: compiled.hosts.map(({ value }) => value),
    groups: [...compiled.groups],
    services: compiled.services.map(({ value }) => value),
    instances,
    registries: compiled.registries,
    notices: notices.all,
  };
  return { settings, problems: [], more: false };
}

function failed({ problems, more }: ReturnType<ProblemList["sorted"]>): ParseResult {
  return { settings: undefined, problems: problems as [Problem, ...Problem[]], more };
}

function allNames(drafts: readonly Draft[]): Draft["named"] {
  const all = (kind: keyof Draft["named"]): Draft["named"]["hosts"] => drafts.flatMap((draft) => draft.named[kind]);
  return { hosts: all("hosts"), services: all("services"), instances: all("instances"), volumes: all("volumes") };
}
