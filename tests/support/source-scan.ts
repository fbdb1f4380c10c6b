// Reads TypeScript just far enough for the architecture rules: code without comments and strings, and what it imports.

export type Import = { readonly specifier: string; readonly line: number; readonly typeOnly: boolean };

export type Source = {
  readonly path: string;
  readonly text: string;
  /** The text with comments blanked; positions and lines stay. */
  readonly withoutComments: string;
  /** The text with comments, strings and regular expressions blanked; code inside ${} stays. */
  readonly code: string;
  readonly imports: readonly Import[];
};

export function scanSource(path: string, text: string): Source {
  const { withoutComments, code } = blank(text);
  return { path, text, withoutComments, code, imports: importsOf(withoutComments, code) };
}

export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

/** Lines as an editor counts them. */
export function lineCount(text: string): number {
  return text === "" ? 0 : text.replace(/\n$/, "").split("\n").length;
}

/** Positions of await outside of every function. */
export function topLevelAwaits(code: string): number[] {
  const found: number[] = [];
  let depth = 0;
  let statement = 0;
  for (const { 0: token, index } of code.matchAll(/[{}()[\];]|\bawait\b/g)) {
    if ("{([".includes(token)) depth++;
    else if ("})]".includes(token)) {
      depth--;
      if (depth === 0 && token === "}") statement = index;
    } else if (token === ";" && depth === 0) statement = index;
    else if (token === "await" && depth === 0 && !/\basync\b/.test(code.slice(statement, index))) found.push(index);
  }
  return found;
}

function importsOf(withoutComments: string, code: string): Import[] {
  const pattern =
    /\b(?:(import|export)\b(\s+type\b)?[^"'`;()]*?\bfrom\s*|(import)\s*|(import)\s*\(\s*)(["'])([^"'\n]+)\5/g;
  return [...withoutComments.matchAll(pattern)]
    .filter(({ index }) => /^(import|export)/.test(code.slice(index)))
    .map((match) => ({
      specifier: match[6] ?? "",
      line: lineOf(withoutComments, match.index),
      typeOnly: isTypeOnly(match[0], match[2]),
    }));
}

/** `import type …`, or braces in which every name is marked as a type. */
function isTypeOnly(statement: string, typeWord: string | undefined): boolean {
  if (typeWord !== undefined) return true;
  const braces = /^(?:import|export)\s*\{([^}]*)\}/.exec(statement)?.[1];
  const names = (braces ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return names.length > 0 && names.every((name) => name.startsWith("type "));
}

type Mode = "code" | "line" | "block" | "'" | '"' | "`" | "regex";

/** One pass over the characters. Template literals may hold code, which may hold template literals. */
function blank(text: string): { withoutComments: string; code: string } {
  // By UTF-16 unit, so that positions stay.
  const withoutComments = text.split("");
  const code = [...withoutComments];
  const braces: number[] = [];
  let mode: Mode = "code";
  let inClass = false;
  const hide = (i: number, comment: boolean) => {
    if (text[i] === "\n") return;
    code[i] = " ";
    if (comment) withoutComments[i] = " ";
  };
  for (let i = 0; i < text.length; i++) {
    const [char, next] = [text[i] ?? "", text[i + 1] ?? ""];
    if (mode === "code") {
      if (char === "/" && next === "/") mode = "line";
      else if (char === "/" && next === "*") mode = "block";
      else if (char === "/" && startsRegex(code, i)) mode = "regex";
      else if (char === "'" || char === '"' || char === "`") mode = char;
      else if (char === "{" && braces.length > 0) braces[braces.length - 1]!++;
      else if (char === "}" && braces.length > 0 && --braces[braces.length - 1]! < 0) {
        braces.pop();
        mode = "`";
      }
      if (mode === "line" || mode === "block") {
        hide(i, true);
        hide(i + 1, true);
        i++;
      }
      continue;
    }
    if (mode === "line" || mode === "block") {
      hide(i, true);
      if (mode === "line" && char === "\n") mode = "code";
      if (mode === "block" && char === "*" && next === "/") {
        hide(++i, true);
        mode = "code";
      }
      continue;
    }
    if (char === "\\") {
      hide(i, false);
      hide(++i, false);
    } else if (mode === "`" && char === "$" && next === "{") {
      braces.push(0);
      mode = "code";
      i++;
    } else if (mode === "regex" ? char === "/" && !inClass : char === mode) mode = "code";
    else if (mode !== "`" && char === "\n") mode = "code";
    else {
      if (mode === "regex") inClass = char === "[" ? true : char === "]" ? false : inClass;
      hide(i, false);
    }
  }
  return { withoutComments: withoutComments.join(""), code: code.join("") };
}

/** A slash begins a regular expression where a value cannot have ended just before it. */
function startsRegex(code: readonly string[], at: number): boolean {
  const before = code
    .slice(Math.max(0, at - 40), at)
    .join("")
    .trimEnd();
  return (
    before === "" || /[(,=:[!&|?{};+*%<>~^-]$/.test(before) || /\b(return|typeof|case|in|of|await|yield)$/.test(before)
  );
}
