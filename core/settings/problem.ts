// A list of everything that is wrong, each at the place where a person wrote it, and how one reads.
import type { Problem } from "./settings.ts";
import type { YamlSource } from "./yaml-source.ts";

export type Path = readonly (string | number)[];

/** A value in a file. Line and column are looked up only when something is wrong with it. */
export type Place = { readonly source: SettingsSource; readonly path: Path };

/** A settings file, with what is known beside its text. */
export type SettingsSource = YamlSource & {
  /** Texts of the env files it names, by the path as written. */
  readonly envFiles: Readonly<Record<string, string>>;
  /** Values of `${NAME}` in its paths of the host. */
  readonly variables: Readonly<Record<string, string>>;
};

export type Position = { readonly line: number; readonly column: number };

/** That are shown: nobody reads more, and a hostile file must not cost more than its size. */
const maxProblems = 500;

export type ProblemList = {
  /** Adds a problem with the value at the place, or with its key. Gives undefined, for those who have nothing else to give then. */
  add(place: Place, message: string, hint?: string, part?: "key" | "value"): undefined;
  /** Adds a problem whose position is known already. */
  addAt(file: string, position: Position, message: string, hint?: string): void;
  /** True when something was found at the place or below it: what follows from it is not worth another problem. */
  has(place: Place): boolean;
  /** True when there are more than are shown: stop looking. */
  readonly full: boolean;
  /** The first 500, in file order, then by line and column; the same problem twice is one. */
  sorted(): { problems: Problem[]; more: boolean };
};

export function createProblemList(): ProblemList {
  const problems: Problem[] = [];
  const known = new Set<string>();
  const isFull = (): boolean => problems.length > maxProblems;
  const push = (problem: Problem): void => {
    const text = JSON.stringify(problem);
    if (isFull() || known.has(text)) return;
    known.add(text);
    problems.push(problem);
  };
  return {
    add: (place, message, hint = "", part = "value") => {
      if (!isFull())
        push({
          file: place.source.name,
          ...place.source.position(place.path, part),
          path: formatPath(place.path),
          message,
          hint,
        });
      return undefined;
    },
    addAt: (file, position, message, hint = "") =>
      push({ file, line: position.line, column: position.column, path: "", message, hint }),
    has: (place) => {
      const [file, path] = [place.source.name, formatPath(place.path)];
      return problems.some(
        (problem) =>
          problem.file === file &&
          (problem.path === path || problem.path.startsWith(`${path}.`) || problem.path.startsWith(`${path}[`)),
      );
    },
    get full() {
      return isFull();
    },
    sorted: () => ({ problems: sorted(problems.slice(0, maxProblems)), more: isFull() }),
  };
}

function sorted(problems: readonly Problem[]): Problem[] {
  const files = [...new Set(problems.map((problem) => problem.file))];
  return problems.toSorted(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
  );
}

export function inside(place: Place, ...steps: Path): Place {
  return { source: place.source, path: [...place.path, ...steps] };
}

/** `services[1].environment`, `varieties["a.b"]`. */
export function formatPath(path: Path): string {
  return path
    .map((step, i) => {
      if (typeof step === "number") return `[${step}]`;
      if (!/^[A-Za-z_][\w-]*$/.test(step))
        return `[${JSON.stringify(step.length > 64 ? `${step.slice(0, 64)}…` : step)}]`;
      return i === 0 ? step : `.${step}`;
    })
    .join("");
}

/** `ozwald.yml:14:7   services[1].enviroment: unknown key. Did you mean environment?` */
export function formatProblem(problem: Problem): string {
  const position = `${problem.line}:${problem.column}`.padEnd(6);
  const path = problem.path === "" ? "" : `${problem.path}: `;
  return `${problem.file}:${position} ${path}${problem.message}${problem.hint === "" ? "" : `. ${problem.hint}`}`;
}
