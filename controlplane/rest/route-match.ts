// Finds the route for a method and a path. Trailing slashes mean nothing, HEAD goes wherever GET does.
import { nearest } from "#core/names.ts";
import type { Route } from "./route.ts";

export type Match =
  | { readonly kind: "found"; readonly route: Route; readonly params: Record<string, string>; readonly open: boolean }
  | { readonly kind: "wrong-method"; readonly allow: readonly string[]; readonly open: boolean }
  | { readonly kind: "bad-path"; readonly open: false }
  | { readonly kind: "none"; readonly hint: string };

export function findRoute(routes: readonly Route[], method: string, path: string): Match {
  const segments = split(path);
  const matching = routes.flatMap((route) => {
    const values = [route.path, ...(route.aliases ?? [])]
      .map((pattern) => matchPath(split(pattern), segments))
      .find((found) => found !== undefined);
    return values === undefined ? [] : [{ route, values }];
  });
  if (matching.length === 0) return { kind: "none", hint: nearestPath(routes, path) };
  const wanted = method === "HEAD" ? "GET" : method;
  const hit = matching.find(({ route }) => route.method === wanted);
  if (hit === undefined) {
    const methods = matching.flatMap(({ route }) => (route.method === "GET" ? ["GET", "HEAD"] : [route.method]));
    return { kind: "wrong-method", allow: methods, open: matching.every(({ route }) => route.open === true) };
  }
  const params = decode(hit.values);
  return params === undefined
    ? { kind: "bad-path", open: false }
    : { kind: "found", route: hit.route, params, open: hit.route.open === true };
}

function split(path: string): string[] {
  return path.replace(/\/$/, "").split("/").slice(1);
}

/** Raw values of the {names}; undefined when the path is another one. */
function matchPath(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const values: Record<string, string> = {};
  for (const [i, part] of pattern.entries()) {
    const segment = segments[i] ?? "";
    if (part.startsWith("{") && segment !== "") values[part.slice(1, -1)] = segment;
    else if (part !== segment) return undefined;
  }
  return values;
}

function decode(values: Readonly<Record<string, string>>): Record<string, string> | undefined {
  try {
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch {
    return undefined;
  }
}

function nearestPath(routes: readonly Route[], path: string): string {
  const near = nearest(
    path,
    routes.flatMap((route) => [route.path, ...(route.aliases ?? [])]),
  );
  return near === undefined ? "All of them: GET /openapi.json" : `Did you mean ${near}?`;
}
