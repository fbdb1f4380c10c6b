// A corpus after what people publish, each with the settings that come of it; and properties over files that nobody would write.
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { OzError } from "../errors.ts";
import { parseSettings } from "../settings/parse-settings.ts";
import { formatProblem } from "../settings/problem.ts";
import { type ComposeOptions, importCompose } from "./compose.ts";
import { dotEnv } from "./dot-env.ts";
import { settingsYaml } from "./settings-yaml.ts";

const folder = resolve(import.meta.dirname, "../../tests/fixtures/compose");
const envFiles = { "/srv/shop/app.env": "FROM_FILE=yes\n" };
const options: ComposeOptions = {
  folder: "/srv/shop",
  variables: { HOME: "/home/ada", POSTGRES_USER: "ada", FROM_SHELL: "from the shell" },
  envFile: (path) => (path === "/srv/shop/app.env" ? envFiles[path] : undefined),
};
const corpus = globSync("*.yml", { cwd: folder })
  .filter((name) => !name.endsWith(".golden.yml") && !name.startsWith("override-"))
  .toSorted();
const file = (name: string) => ({ name, text: readFileSync(join(folder, name), "utf8") });
const one = (services: object, more: object = {}, extra: Partial<ComposeOptions> = {}) =>
  importCompose([{ name: "compose.yml", text: stringify({ services, ...more }) }], { ...options, ...extra });

function problemsOf(text: string): string[] {
  return parseSettings([{ name: "ozwald.yml", text }], { envFiles }).problems.map(formatProblem);
}

/** What was written down once and read by a person. UPDATE_GOLDEN=1 writes it anew. */
function matchesGolden(name: string, text: string): void {
  const path = join(folder, `${basename(name, ".yml")}.golden.yml`);
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, text);
  expect(text).toBe(readFileSync(path, "utf8"));
}

describe("the corpus", () => {
  test("has a dozen files", () => expect(corpus.length).toBeGreaterThanOrEqual(12));

  test.each(corpus)("%s becomes the settings written down, which check accepts", (name) => {
    const text = settingsYaml(importCompose([file(name)], options), `ozctl import compose ${name}`);
    matchesGolden(name, text);
    expect(problemsOf(text)).toEqual([]);
  });

  test("later files are laid over earlier ones", () => {
    const names = ["override-base.yml", "override-more.yml"];
    const text = settingsYaml(importCompose(names.map(file), options), `ozctl import compose ${names.join(" ")}`);
    matchesGolden("override.yml", text);
    expect(problemsOf(text)).toEqual([]);
  });

  test.each(corpus)("%s: what a service says is in the settings or in the notes, key by key", (name) => {
    const read = merged(name);
    const printed = (value: unknown) => text(importCompose([{ name, text: stringify(value) }], options));
    const whole = printed(read);
    const silent: string[] = [];
    const looked = ["services", "volumes", "secrets", "configs"];
    for (const path of paths(read, []).filter((each) => each.length > 2 && looked.includes(each[0] ?? ""))) {
      const without = structuredClone(read);
      const parent = path.slice(0, -1).reduce<Record<string, unknown>>((at, key) => at[key] as never, without);
      delete parent[path.at(-1) ?? ""];
      if (printed(without) === whole && !saysNothing.has(path.slice(path[0] === "services" ? 2 : 0).join(".")))
        silent.push(path.join("."));
    }
    expect(silent).toEqual([]);
  });
});

/** What Compose takes for granted, so that it may as well not be written. */
const saysNothing = new Set([
  "deploy.resources.reservations.devices.0.count",
  "deploy.resources.reservations.devices.0.capabilities",
  "deploy.resources.reservations.devices.0.driver",
  "gpus.0.driver",
  "gpus.0.count",
  "ports.2.protocol",
  "ports.0.protocol",
  "env_file.0.required",
  "volumes.0.type",
  "volumes.1.bind.create_host_path",
  "privileged",
  "depends_on.db.condition",
  "ulimits.nofile.soft",
  "ulimits.nofile.hard",
  "restart",
  // The volume that is there is used, whether or not the file says that Compose made it.
  "volumes.ext.external",
  "volumes.tei-data.external",
  // Of a volume that is a folder; the folder is mounted.
  "volumes.pgdata.driver_opts.o",
]);

/** Every key of maps, at every depth; lists are gone through. */
function paths(value: unknown, at: string[]): string[][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => {
    const own = [...at, key];
    return [...(Array.isArray(value) || each === null ? [] : [own]), ...paths(each, own)];
  });
}

function text(imported: ReturnType<typeof importCompose>): string {
  return settingsYaml(imported, "");
}

/** The file as plain data, with its anchors followed. */
function merged(name: string): Record<string, unknown> {
  return parse(file(name).text, { merge: true }) as Record<string, unknown>;
}

describe("places", () => {
  const place = (text: string, key: string) =>
    importCompose([{ name: "shop.yml", text }], options).notes.find((note) => note.key === key)?.at;

  test("a note says where its key stands", () => {
    const text =
      "services:\n  web:\n    image: a:1\n    ports: ['80:80', x]\n    tty: true\n    environment: { A: $B }\n";
    expect(place(text, "services.web.tty")).toBe("shop.yml:5:5");
    expect(place(text, "services.web.ports[1]")).toBe("shop.yml:4:22");
    expect(place(text, "services.web.environment.A")).toBe("shop.yml:6:20");
    expect(place(text, "services.web.cap_add")).toBe("shop.yml:2:3");
  });

  test("of a list that was joined, where the list stands", () => {
    const files = ["services: { web: { image: a, ports: [x] } }", "services: { web: { ports: [y] } }"];
    const { notes } = importCompose(
      files.map((text, i) => ({ name: `${i}.yml`, text })),
      options,
    );
    expect(notes.filter(({ key }) => key.includes("ports")).map(({ at }) => at)).toEqual(["1.yml:1:20", "1.yml:1:20"]);
  });

  test.each<[what: string, text: string, problem: RegExp]>([
    ["a tab", "services:\n  a:\n\timage: x\n", /^bad\.yml:3:1: .*[Tt]abs/],
    ["a key twice", "services:\n  a: { image: x }\n  a: { image: y }\n", /^bad\.yml:3:3: .*unique/],
    ["an alias of nothing", "services:\n  a: *nope\n", /^bad\.yml:2:6: .*nope/],
    ["a merge of a number", "services:\n  a: { image: x, labels: { <<: 3 } }\n", /^bad\.yml:2:28: .*Merge/],
    ["an open quote", 'services:\n  a: { image: "x\n', /^bad\.yml:\d+:\d+: .*quote/],
    ["two documents", "services: {}\n---\nservices: {}\n", /^bad\.yml:[23]:1: .*second document/],
    ["a file of the first format", "web:\n  image: nginx\n", /no services/],
    ["nothing", "", /no services/],
  ])("%s", (_what, text, problem) => {
    expect(() => importCompose([{ name: "bad.yml", text }], options)).toThrow(problem);
  });

  test("what is odd and goes on has a note", () => {
    const { notes, settings } = one({
      web: { image: "a:1", ports: ["8080-8090:80"], environment: { A: "${B", C: "${not a name}" } },
      idle: { image: "a:1", profiles: ["debug"], scale: 3 },
    });
    const said = notes.map(({ key, text: words }) => `${key}: ${words}`);
    expect(said).toEqual(
      expect.arrayContaining([
        "services.web.ports[0]: changed: one port for 8080-8090: 8080, the first of them.",
        'services.web.environment.A: changed: "${B" is no variable; it stays as it is written.',
        'services.web.environment.C: changed: "${not a name}" is no variable; it stays as it is written.',
        "services.idle: changed: so many replicas: ozctl up idle --replicas 3",
      ]),
    );
    expect(settings.services[0]).toMatchObject({ environment: { A: "${B", C: "${not a name}" } });
  });
});

describe("any file", () => {
  const keys = [
    ..."image build command entrypoint environment env_file ports volumes tmpfs devices healthcheck restart shm_size".split(
      " ",
    ),
    ..."ulimits deploy depends_on user cap_add cap_drop privileged read_only network_mode stop_grace_period profiles".split(
      " ",
    ),
    ..."secrets configs networks gpus runtime ipc security_opt mem_limit cpus pids_limit scale extends labels x-own".split(
      " ",
    ),
    ..."pull_policy expose links logging hostname anything __proto__ constructor".split(" "),
  ];
  const value = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom<unknown>(
        1,
        "1",
        "a:b",
        "8080:80",
        "./a:/b",
        "all",
        true,
        "10s",
        "host",
        ["CMD", "a"],
        "$A${B:-c}",
      ),
    },
    fc.jsonValue({ maxDepth: 3 }),
    fc.dictionary(
      fc.constantFrom(
        "test",
        "path",
        "source",
        "target",
        "count",
        "resources",
        "limits",
        "service",
        "type",
        "toString",
      ),
      fc.jsonValue({ maxDepth: 2 }),
    ),
  );
  const service = fc
    .uniqueArray(fc.tuple(fc.constantFrom(...keys), value), { selector: ([key]) => key, maxLength: 8 })
    .map((entries) => ({
      ...Object.fromEntries(entries.filter(([key]) => key !== "__proto__")),
      image: "example/any:1",
    }));

  test("never throws, and gives settings that check accepts", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ minLength: 1, maxLength: 9 }), service, { minKeys: 1, maxKeys: 3 }),
        (services) => {
          // A merge of what is no map is refused, as Compose does.
          fc.pre(!JSON.stringify(services).includes('"<<":'));
          const written = settingsYaml(one(services), "ozctl import compose");
          const { problems } = parseSettings([{ name: "ozwald.yml", text: written }], { envFiles: {} });
          // Env files are not there in this test, and circles are written as they are.
          const others = problems.filter(({ message }) => !/env file|wait for each other|circle|itself/.test(message));
          expect([written, others.map(formatProblem)]).toEqual([written, []]);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("every key with a value changes the settings or the notes", () => {
    fc.assert(
      fc.property(fc.constantFrom(...keys), value, (key, said) => {
        // One is what is run anyway.
        fc.pre(!(key === "scale" && (said === 1 || said === "1")));
        fc.pre(said !== null && key !== "image" && key !== "__proto__" && !isEmpty(said));
        fc.pre(!JSON.stringify(said).includes('"<<":'));
        const base = { image: "example/any:1" };
        expect([key, text(one({ any: { ...base, [key]: said } }))]).not.toEqual([key, text(one({ any: base }))]);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    "",
    "services: {}",
    "services: [",
    "a: &a [*a]",
    "- 1",
    "services: { web: { image: x } ",
    "services: { web: { image: x, <<: 1 } }",
    "\0",
  ])("%j is refused with a reason", (bad) => {
    expect(() => importCompose([{ name: "c.yml", text: bad }], options)).toThrow(OzError);
  });

  test("a bomb of aliases is refused", () => {
    const bomb = Array.from(
      { length: 12 },
      (_, i) =>
        `a${i}: &a${i} [${
          i === 0
            ? "x"
            : Array(9)
                .fill(`*a${i - 1}`)
                .join(",")
        }]`,
    ).join("\n");
    expect(() => importCompose([{ name: "c.yml", text: `${bomb}\nservices: {}` }], options)).toThrow(OzError);
  });
});

/** Nothing, or false and zero, all the way down: the same as not written. */
function isEmpty(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.values(value).every(isEmpty);
  return value === null || value === false || value === 0 || value === "";
}

describe("words of Compose", () => {
  const layerOf = (service: object, more: object = {}) =>
    one({ web: { image: "web:1", user: "1000", restart: "always", ...service } }, more).settings.services[0];

  test.each([
    [
      "command: run --name 'two words'",
      { command: "run --name 'two words'" },
      { command: ["run", "--name", "two words"] },
    ],
    ["a port without a host port", { ports: ["80"] }, { ports: ["0.0.0.0::80"] }],
    ["a range", { ports: ["9000-9001:80-81"] }, { ports: ["0.0.0.0:9000:80", "0.0.0.0:9001:81"] }],
    ["an address", { ports: ["127.0.0.1:5:6/udp"] }, { ports: ["127.0.0.1:5:6/udp"] }],
    ["an amount", { mem_limit: "1.5gb" }, { resources: { memory: "1536MiB" } }],
    ["a number of bytes", { shm_size: 67_108_864 }, { shm_size: "64MiB" }],
    ["a small time", { stop_grace_period: "1500us" }, { stop_grace: "2ms" }],
    ["a parent folder", { volumes: ["../data:/data"] }, { volumes: ["/srv/data:/data"] }],
    ["unless-stopped", { restart: "unless-stopped" }, { restart: "unless-stopped" }],
    [
      "root keeps what it needs to step down",
      { user: "root", cap_drop: ["CHOWN"] },
      { security: { user: "root", cap_add: ["DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"] } },
    ],
    [
      "nothing dropped stays dropped",
      { cap_drop: ["ALL"], cap_add: ["NET_ADMIN"] },
      { security: { user: "1000", cap_add: ["NET_ADMIN"] } },
    ],
  ])("%s", (_what, service, expected) => {
    expect(layerOf(service)).toMatchObject(expected);
  });

  test("volumes keep the name they have on the engine", () => {
    const { settings } = one(
      { web: { image: "w", volumes: ["a:/a", "b:/b", "c:/c", "d:/d", "e:/e"] } },
      {
        name: "shop",
        volumes: {
          ...{ a: null, b: { name: "real" }, c: { external: true } },
          ...{ d: { external: { name: "old-form" } }, e: { external: {} } },
        },
      },
    );
    const mounted = ["shop_a:/a", "real:/b", "c:/c", "old-form:/d", "e:/e"];
    expect(settings).toMatchObject({ project: "shop", services: [{ volumes: mounted }] });
    expect(Object.keys(settings.volumes ?? {})).toEqual(["shop_a", "real", "c", "old-form", "e"]);
  });

  test("profiles decide what runs, not what is known", () => {
    const services = { web: { image: "w" }, tool: { image: "t", profiles: ["tools"] } };
    expect(one(services).settings.instances).toEqual([{ name: "web" }]);
    expect(one(services, {}, { profiles: ["tools"] }).settings.instances).toEqual([{ name: "web" }, { name: "tool" }]);
    expect(one(services).settings.services).toHaveLength(2);
  });

  test("a variable without a value is told, with its message", () => {
    const { notes, settings } = one({
      web: { image: "w${TAG:?which one}", command: "$$HOME ${A-${B:-deep}} ${FROM_SHELL:+alt}" },
    });
    expect(notes.map((note) => `${note.key} ${note.text}`)).toContain(
      "services.web.image changed: $TAG has no value here, so it is empty (which one).",
    );
    expect(settings.services[0]).toMatchObject({ image: "w", command: ["$HOME", "deep", "alt"] });
  });

  test("an image that no registry could have is told, and the service left out", () => {
    const { notes, settings } = one({ web: { image: "w:${TAG}" } });
    expect(settings.services).toEqual([]);
    expect(notes.map((note) => note.text)).toContain(
      'not carried: "w:" must be an image such as "ghcr.io/org/name:tag", in small letters.',
    );
  });

  test(".env holds variables", () => expect(dotEnv("A=1\nnot a line\nB='2'")).toEqual({ A: "1", B: "2" }));

  test(".env: variables in it are replaced, by those above and by the shell's, but not in single quotes", () => {
    const env = "TAG=7\nA=${TAG}-x\nB=\"$FROM_SHELL\"\nC='$TAG'\nD=${NOT:-d}\nE=$NOWHERE\nTAG=8\n";
    const command = ["$A", "$B", "$C", "$D", "$E", "$TAG"];
    const { settings, notes } = one({ web: { image: "w:1", command } }, {}, { dotEnv: env });
    expect(settings.services[0]).toMatchObject({ command: ["7-x", "from the shell", "$TAG", "d", "", "8"] });
    expect(notes.filter(({ key }) => key.startsWith(".env")).map(({ key, text: words }) => `${key} ${words}`)).toEqual([
      ".env E changed: $NOWHERE has no value here, so it is empty.",
    ]);
    const shell = { variables: { ...options.variables, TAG: "9" }, dotEnv: env };
    expect(one({ web: { image: "w:$TAG" } }, {}, shell).settings.services[0]).toMatchObject({ image: "w:9" });
  });

  test.each([
    ["env_file", "a.env", ["b.env"], ["/srv/shop/a.env", "/srv/shop/b.env"]],
    ["env_file", ["a.env"], "b.env", ["/srv/shop/a.env", "/srv/shop/b.env"]],
    ["depends_on", ["db"], { cache: { condition: "service_healthy" } }, ["db", "cache"]],
    ["depends_on", { cache: { condition: "service_healthy" } }, ["db"], ["cache", "db"]],
    ["volumes", ["/a:/a"], ["/b:/b"], ["/a:/a", "/b:/b"]],
  ])("%s %j and %j are both there, by extends and by a second file", (key, base, over, expected) => {
    const others = { db: { image: "b" }, cache: { image: "c" } };
    const extended = one({ ...others, web: { extends: "base", [key]: over }, base: { image: "a", [key]: base } });
    expect(extended.settings.services.find(({ name }) => name === "web")).toMatchObject({ [key]: expected });
    const files = [
      { services: { ...others, web: { image: "a", [key]: base } } },
      { services: { web: { [key]: over } } },
    ];
    const laid = importCompose(
      files.map((each, i) => ({ name: `${i}.yml`, text: stringify(each) })),
      options,
    );
    expect(laid.settings.services.find(({ name }) => name === "web")).toMatchObject({ [key]: expected });
  });

  test("numbers are those that Compose reads", () => {
    const text = `services:
  web:
    image: a
    environment: &env
      CHAT: -1001234567890123456
      BIG: 12345678901234567890
      UMASK: 022
      EIGHT: 08
      VERSION: 1.10
  other: { image: b, environment: { <<: *env, MORE: 1 } }`;
    const { settings } = importCompose([{ name: "compose.yml", text }], options);
    const environment = {
      ...{ CHAT: "-1001234567890123456", BIG: "12345678901234567890" },
      ...{ UMASK: "18", EIGHT: "8", VERSION: "1.1" },
    };
    expect(settings.services).toMatchObject([{ environment }, { environment: { ...environment, MORE: "1" } }]);
  });

  test("in a folder of Windows the project has the folder's name, and env files are found", () => {
    const web = { image: "w", env_file: ["./app.env"], volumes: ["data:/data", "./conf:/conf"] };
    const asked: string[] = [];
    const { settings, notes } = one(
      { web },
      {},
      {
        folder: "C:\\Users\\ada\\My Shop",
        envFile: (path) => void asked.push(path),
      },
    );
    expect(settings).toMatchObject({
      project: "myshop",
      services: [{ env_file: ["C:/Users/ada/My Shop/app.env"], volumes: ["myshop_data:/data"] }],
    });
    expect(asked).toEqual(["C:/Users/ada/My Shop/app.env"]);
    expect(notes.map(({ key, text }) => `${key} ${text}`)).toContain(
      'services.web.volumes[1] not carried: "./conf" is no folder or volume of a host.',
    );
  });

  test("a service that is called as a key is laid over key by key like any other", () => {
    const files = [{ services: { test: { image: "a" } } }, { services: { test: { ports: ["1:1"] } } }];
    const { settings } = importCompose(
      files.map((each, i) => ({ name: `${i}.yml`, text: stringify(each) })),
      options,
    );
    expect(settings.services).toMatchObject([{ name: "test", image: "a", ports: ["0.0.0.0:1:1"] }]);
  });

  test("!reset takes a key away, !override takes its place", () => {
    const layers = [
      "services: { web: { image: a, command: [x], ports: ['80:80', '81:81'], environment: { A: 1 } }, old: { image: b } }",
      "services: { web: { command: !reset null, ports: !override ['8080:80'], environment: !reset {} }, old: !reset null }",
    ];
    const { settings, notes } = importCompose(
      layers.map((text, i) => ({ name: `${i}.yml`, text })),
      options,
    );
    expect(settings.services).toEqual([expect.objectContaining({ name: "web", ports: ["0.0.0.0:8080:80"] })]);
    expect(Object.keys(settings.services[0] ?? {})).toEqual(["name", "image", "ports", "restart", "security"]);
    expect(notes.map(({ text: words }) => words).join()).not.toContain("tag");
    const extended =
      "services: { base: { image: a, command: [x], volumes: ['/a:/a'] }, web: { extends: base, command: !reset null, volumes: !override ['/b:/b'] } }";
    expect(importCompose([{ name: "c.yml", text: extended }], options).settings.services[1]).toMatchObject({
      volumes: ["/b:/b"],
    });
    expect(importCompose([{ name: "c.yml", text: extended }], options).settings.services[1]).not.toHaveProperty(
      "command",
    );
    const alone = importCompose(
      [{ name: "c.yml", text: "services: { web: { image: a, command: !reset null } }" }],
      options,
    );
    expect(alone.settings.services[0]).not.toHaveProperty("command");
  });

  test.each([["132/sctp"], [{ target: 132, protocol: "sctp" }]])(
    "%j: a port that no agent publishes is listed",
    (port) => {
      const { settings, notes } = one({ web: { image: "w", ports: [port, "80:80/TCP"] } });
      expect(settings.services[0]).toMatchObject({ ports: ["0.0.0.0:80:80"] });
      expect(notes.find(({ key }) => key === "services.web.ports[0]")?.text).toContain("only tcp and udp");
    },
  );

  test("programs with the setuid bit gain nothing: said once, and only where a service could have one", () => {
    const said = (...services: object[]) =>
      one(Object.fromEntries(services.map((service, i) => [`s${i}`, { image: "w", ...service }]))).notes.filter(
        ({ key }) => key === "no-new-privileges",
      ).length;
    expect(said({}, { user: "app" }, { user: "root" })).toBe(1);
    const others = ["no-new-privileges", "no-new-privileges:false"].map((option) => ({ security_opt: [option] }));
    expect(said({ privileged: true }, { user: "root" }, ...others)).toBe(0);
  });

  test.each([
    ["app.env", "/srv/shop/app.env"],
    ["../common/app.env", "/srv/common/app.env"],
    ["~/app.env", "/home/ada/app.env"],
    ["/etc/app.env", "/etc/app.env"],
  ])("env_file %s is written as %s, since settings may stand elsewhere", (written, place) => {
    const { settings, notes } = one({ web: { image: "w", env_file: written } });
    expect(settings.services[0]).toMatchObject({ env_file: [place] });
    expect(notes.some(({ key }) => key === "services.web.env_file[0]")).toBe(written !== place);
  });
});
