import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { registryAuth } from "./registry-login.ts";

let folder = "";
const fileOf = (name: string, content: unknown) => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};
const auth = Buffer.from("me:pa:ss").toString("base64");
const path = process.env["PATH"];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ozwald-login-"));
  process.env["PATH"] = `${folder}:${path}`;
});
afterAll(() => {
  process.env["PATH"] = path;
  rmSync(folder, { recursive: true, force: true });
});

describe("credentials of a registry", () => {
  test("from the file that the settings name", async () => {
    const file = fileOf("a.json", { auths: { "https://ghcr.io/v2/": { auth } } });
    const expected = { username: "me", password: "pa:ss", serveraddress: "ghcr.io" };
    expect(await registryAuth("ghcr.io", [{ registry: "ghcr.io", file }], "/none")).toEqual(expected);
    expect(await registryAuth("ghcr.io", [], file)).toEqual(expected);
    expect(await registryAuth("other.io", [], file)).toBeUndefined();
    expect(await registryAuth("ghcr.io", [], "/none")).toBeUndefined();
  });

  test("of Docker Hub under its oldest name", async () => {
    const file = fileOf("hub.json", { auths: { "https://index.docker.io/v1/": { auth } } });
    expect(await registryAuth("docker.io", [{ registry: "docker.io", file }], "")).toMatchObject({ username: "me" });
  });

  test("as a token, and as plain fields", async () => {
    const file = fileOf("t.json", {
      auths: { "x.io": { identitytoken: "tok" }, "y.io": { username: "u", password: "p" } },
    });
    expect(await registryAuth("x.io", [], file)).toEqual({ username: "", identitytoken: "tok", serveraddress: "x.io" });
    expect(await registryAuth("y.io", [], file)).toEqual({ username: "u", password: "p", serveraddress: "y.io" });
  });

  test("from a credential helper", async () => {
    const helper = fileOf(
      "docker-credential-fake",
      '#!/bin/sh\nread registry\necho "{\\"Username\\":\\"me\\",\\"Secret\\":\\"for $registry\\"}"\n',
    );
    chmodSync(helper, 0o755);
    const file = fileOf("h.json", { credHelpers: { "z.io": "fake", "q.io": "../evil" }, credsStore: "absent" });
    expect(await registryAuth("z.io", [], file)).toEqual({
      username: "me",
      password: "for z.io",
      serveraddress: "z.io",
    });
    expect(await registryAuth("q.io", [], file)).toBeUndefined();
    expect(await registryAuth("n.io", [], file)).toBeUndefined();
  });

  test.each(["oops: secret-value", '"secret-value"', "null"])(
    "a helper that answers %j is not quoted",
    async (answer) => {
      const helper = fileOf("docker-credential-broken", `#!/bin/sh\ncat <<'END'\n${answer}\nEND\n`);
      chmodSync(helper, 0o755);
      const failed = registryAuth("z.io", [], fileOf("hb.json", { credsStore: "broken" }));
      await expect(failed).rejects.toMatchObject({
        code: "registry_refused",
        message: "The login program docker-credential-broken for z.io did not answer with JSON.",
        hint: expect.stringContaining("docker login z.io"),
      });
      await expect(failed).rejects.not.toThrow(/secret/);
    },
  );

  test.each([
    ["absent", undefined, /does not exist on this host/],
    ["broken", "{ secret", /is not a Docker config.json/],
    ["a list", [], /is not a Docker config.json/],
    ["without an entry", { auths: {} }, /has no entry for ghcr.io/],
  ])("a named file that is %s is an error that quotes nothing of it", async (name, content, message) => {
    const file =
      content === undefined ? join(folder, "absent.json") : fileOf(`${name.replaceAll(" ", "")}.json`, content);
    const failed = registryAuth("ghcr.io", [{ registry: "ghcr.io", file }], "");
    await expect(failed).rejects.toMatchObject({ code: "registry_refused", message: expect.stringMatching(message) });
    await expect(failed).rejects.not.toThrow(/secret/);
  });
});
