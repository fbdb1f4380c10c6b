import { expect, test } from "vitest";
import type { OzError } from "#core/errors.ts";
import { parseSettings } from "#core/settings/parse-settings.ts";
import type { InstanceTable } from "../store/tables.ts";
import type { Project, World } from "../world.ts";
import { applyEdit } from "./change.ts";
import { findService } from "./find-service.ts";
import { makeSnapshot } from "./snapshot.ts";

function project(name: string, text: string): Project {
  const { settings, problems } = parseSettings([{ name: "f", text }], { project: name });
  if (settings === undefined) throw new Error(JSON.stringify(problems));
  return { name, revision: 1, settings };
}

const web = (name: string, extra = "") => project(name, `services: [{ name: web, image: "nginx:${name}"${extra} }]`);
const image = (projects: Project[], owner: string, group = "default") =>
  findService({ service: "web", group, owner }, { projects }).service.base.image;

function row(name: string, owner: string): InstanceTable {
  return {
    id: name,
    group_name: "default",
    name,
    owner,
    service: "web",
    variety: "",
    profile: "",
    replicas: 1,
    host: "",
    overridden: 0,
    created_at: 1,
  };
}

test("what a project wants is its own definition, whatever other projects call theirs", () => {
  const projects = [web("alpha"), web("zeta")];
  expect(image(projects, "settings/alpha")).toBe("nginx:alpha");
  expect(image(projects, "settings/zeta")).toBe("nginx:zeta");
  const inBlue = project("blue", "groups: { blue: { service-definitions: [{ name: web, image: b }] } }");
  expect(image([...projects, inBlue], "settings/blue")).toBe("b");
  expect(image([...projects, inBlue], "settings/zeta", "blue")).toBe("nginx:zeta");
});

test("an instance of nobody's settings takes the one of its group, of the default group, or the only one", () => {
  const inBlue = project("blue", "groups: { blue: { service-definitions: [{ name: web, image: b }] } }");
  expect(image([inBlue], "dynamic")).toBe("b");
  expect(image([web("zeta"), inBlue], "dynamic", "blue")).toBe("b");
  expect(image([web("zeta"), inBlue], "dynamic", "green")).toBe("nginx:zeta");
});

test("a name that two projects use is not guessed: both are named", () => {
  expect(() => image([web("alpha"), web("zeta")], "dynamic")).toThrow(
    expect.objectContaining({
      code: "precondition",
      message: "service web of group default is defined by the projects alpha and zeta, and either may be meant",
    }) as OzError,
  );
});

test("a preview chooses as the next plan does: the order of projects is by name, whichever was edited", () => {
  const rows = [row("a", "settings/alpha"), row("z", "settings/zeta")];
  const world: World = { revision: 1, projects: [web("alpha"), web("zeta")], hosts: [], instances: rows, replicas: [] };
  const after = applyEdit(world, {
    upsert: [],
    remove: [],
    restart: [],
    notices: [],
    project: { name: "alpha", settings: web("alpha", ", description: new").settings, files: "" },
  });
  expect(after.projects.map(({ name }) => name)).toEqual(["alpha", "zeta"]);
  expect(makeSnapshot(after, []).instances.map(({ candidates }) => candidates[0]?.spec.image)).toEqual([
    "nginx:alpha",
    "nginx:zeta",
  ]);
});
