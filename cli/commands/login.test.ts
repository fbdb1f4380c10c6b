// Login: the token goes to nobody but the authority that was told.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { X509Certificate } from "node:crypto";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { StatusService } from "#proto/status_pb.ts";
import { TokensService } from "#proto/tokens_pb.ts";
import { main } from "../main.ts";
import { publicKeySha256 } from "#core/tls-look.ts";
import { makeAuthority } from "../testing/authority.ts";
import { apiError, fakeControlplane, type FakeControlplane } from "../testing/fake-controlplane.ts";
import { fakeIo, type FakeIo, type FakeIoOptions } from "../testing/fake-io.ts";

const token = `ozt_abc123_${"s".repeat(43)}`;
let authority: Awaited<ReturnType<typeof makeAuthority>>;
let hash: string;
let folder: string;
let open: FakeControlplane | undefined;

beforeAll(async () => {
  authority = await makeAuthority();
  hash = publicKeySha256(new X509Certificate(authority.caPem));
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ozctl-login-"));
});
afterEach(async () => {
  await open?.close();
  open = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function serve(good = token): Promise<string> {
  open = await fakeControlplane(
    (router) => {
      router.rpc(StatusService.method.getStatus, (_request, { requestHeader }) => {
        if (requestHeader.get("authorization") !== `Bearer ${good}`)
          throw apiError("unauthenticated", "the token that was sent is not known here");
        return { version: "1.2.3" };
      });
    },
    { on: "https", key: authority.key, cert: `${authority.cert}\n${authority.caPem}` },
  );
  return open.address;
}

async function login(words: string[], typed: string | undefined, options: FakeIoOptions = {}) {
  const io = fakeIo({ ...options, env: { OZWALD_CONFIG_DIR: folder, ...options.env } });
  if (typed !== undefined) io.stdin.end(typed);
  return { code: await main(["login", ...words], io), ...io.written() };
}

const contexts = () => {
  try {
    return readdirSync(join(folder, "contexts"));
  } catch {
    return [];
  }
};

describe("login", () => {
  test.each([
    ["with colons", (hex: string) => hex.replace(/..(?=.)/g, "$&:").toUpperCase()],
    ["without", (hex: string) => hex],
  ])("keeps authority and token in a 0600 context and uses it (hash %s)", async (_how, write) => {
    const address = await serve();
    const result = await login([address, "--ca-sha256", write(hash), "--token-stdin", "--name", "lab"], `${token}\n`);
    expect(result).toEqual({
      code: 0,
      out: `Logged in at ${address} (Ozwald 1.2.3). From now on: context lab\n`,
      err: "",
    });
    const file = join(folder, "contexts/lab.json");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const kept = JSON.parse(readFileSync(file, "utf8")) as { caPem: string };
    expect(kept).toMatchObject({ name: "lab", address, token });
    expect(publicKeySha256(new X509Certificate(kept.caPem))).toBe(hash);
    expect(readFileSync(join(folder, "current"), "utf8")).toBe("lab\n");
  });

  test("the name is the host's, and a context of another control plane is not replaced", async () => {
    const address = await serve();
    const words = [address, "--ca-sha256", hash, "--token-stdin"];
    expect((await login(words, token)).out).toContain("context 127.0.0.1\n");
    expect((await login(words, token)).code).toBe(0);
    await open?.close();
    const other = await serve();
    const refused = await login([other, "--ca-sha256", hash, "--token-stdin"], token);
    expect(refused).toMatchObject({ code: 1, out: "" });
    expect(refused.err).toContain(`Context 127.0.0.1 is for ${address}.`);
  });

  test.each([
    ["https://127.0.0.1", "https://127.0.0.1:7443"],
    ["127.0.0.1", "https://127.0.0.1:7443"],
    ["https://127.0.0.1/", "https://127.0.0.1:7443"],
    ["https://[::1]", "https://[::1]:7443"],
    ["https://127.0.0.1:443", "https://127.0.0.1:443"],
  ])("the port is 7443 unless another is written: %s", async (written, address) => {
    // Whoever answers there has another key.
    const result = await login([written, "--ca-sha256", "ab".repeat(32), "--token-stdin", "--name", "lab"], token);
    expect(result).toMatchObject({ code: 1, err: expect.stringContaining(`${address} `) as string });
  });

  test("a wrong hash: not one byte is sent after the handshake, nothing is kept", async () => {
    let [bytes, connections] = [0, 0];
    const server = createTlsServer(
      { key: authority.key, cert: `${authority.cert}\n${authority.caPem}`, minVersion: "TLSv1.3" },
      (socket) => {
        socket
          .on("error", () => {})
          .on("data", (data) => {
            bytes += data.length;
            socket.destroy();
          });
      },
    );
    server.on("connection", () => connections++);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const result = await login([address, "--ca-sha256", "ab".repeat(32), "--token-stdin"], token);
    expect(result).toMatchObject({ code: 1, out: "" });
    expect(result.err).toContain("is not the control plane with the key ab:ab:");
    expect(result.err).toContain(`it shows ${hash.slice(0, 2)}:${hash.slice(2, 4)}:`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([connections, bytes]).toEqual([1, 0]);
    // With the right hash the same server hears the call: the silence above says something.
    await login([address, "--ca-sha256", hash, "--token-stdin"], token);
    expect(connections).toBe(3);
    expect(bytes).toBeGreaterThan(100);
    expect(contexts()).toEqual([]);
    server.close();
  });

  test("somebody in the middle with a chain of his own hears nothing of the token", async () => {
    const address = await serve();
    const thief = await makeAuthority();
    let bytes = 0;
    // First connection: the true server. Second: another one that shows the wrong chain.
    const fake = createTlsServer({ key: thief.key, cert: `${thief.cert}\n${thief.caPem}` }, (socket) => {
      socket.on("data", (data) => (bytes += data.length)).on("error", () => {});
    });
    let count = 0;
    const middle = createTcpServer((socket) => {
      if (count++ > 0) return void fake.emit("connection", socket);
      const onward = connectTcp(Number(new URL(address).port), "127.0.0.1");
      socket.pipe(onward).pipe(socket);
      for (const end of [socket, onward]) end.on("error", () => {});
    });
    await new Promise<void>((resolve) => middle.listen(0, "127.0.0.1", resolve));
    const between = `https://127.0.0.1:${(middle.address() as AddressInfo).port}`;
    const result = await login([between, "--ca-sha256", hash, "--token-stdin"], token);
    expect(result).toMatchObject({ code: 1, out: "" });
    expect(result.err).toContain("nothing was sent");
    expect([count, bytes]).toEqual([2, 0]);
    expect(contexts()).toEqual([]);
    middle.close();
  });

  test("a token that is refused makes no context", async () => {
    const result = await login([await serve("ozt_other"), "--ca-sha256", hash, "--token-stdin"], token);
    expect(result).toMatchObject({ code: 1, out: "" });
    expect(result.err).toContain("is not known here");
    expect(contexts()).toEqual([]);
  });

  test.each([
    [["http://127.0.0.1:1", "--ca-sha256", "HASH", "--token-stdin"], /over TLS only/],
    [["https://127.0.0.1:1", "--ca-sha256", "9b:41", "--token-stdin"], /has 64 hex digits/],
    [["https://127.0.0.1:1"], /--ca-sha256/],
    [["https://127.0.0.1:1", "--ca-sha256", "HASH", "--token-stdin", "--name", "a/b"], /no name for a context/],
  ])("%j is refused before anything is opened", async (words, message) => {
    const result = await login(
      words.map((word) => (word === "HASH" ? hash : word)),
      token,
    );
    expect(result.code).toBe(2);
    expect(result.err).toMatch(message);
  });

  test("without a terminal nobody is asked", async () => {
    const result = await login([await serve(), "--ca-sha256", hash], "");
    expect(result.code).toBe(2);
    expect(result.err).toContain("--token-stdin");
    expect(open?.requests).toEqual([]);
  });

  test("on a terminal it asks, and shows nothing of what is typed", async () => {
    const raw: boolean[] = [];
    const io = terminal({ env: { OZWALD_CONFIG_DIR: folder }, columns: 80 }, raw);
    const done = main(["login", await serve(), "--ca-sha256", hash], io);
    await until(() => io.written().err.includes("Token for"));
    io.stdin.write(`x\u007f${token}`);
    io.stdin.write("\r");
    expect(await done).toBe(0);
    expect(io.written().out + io.written().err).not.toContain("ozt_");
    expect(raw).toEqual([true, false]);
  });

  test("Ctrl-C at the question ends it, and the terminal is as before", async () => {
    const raw: boolean[] = [];
    const io = terminal({ env: { OZWALD_CONFIG_DIR: folder }, columns: 80 }, raw);
    const done = main(["login", await serve(), "--ca-sha256", hash], io);
    await until(() => io.written().err.includes("Token for"));
    io.stdin.write("ozt_\u0003");
    expect(await done).toBe(1);
    expect(raw).toEqual([true, false]);
    expect(contexts()).toEqual([]);
  });
});

describe("token revoke", () => {
  async function revoke(words: string[], answer: string | undefined) {
    const asked: object[] = [];
    open = await fakeControlplane((router) => {
      router.rpc(TokensService.method.listTokens, () => ({ tokens: [{ id: "1", name: "mine", own: true }] }));
      router.rpc(TokensService.method.revokeToken, ({ token: named, evenOwn }) => {
        asked.push({ named, evenOwn });
        return { info: { name: "mine", own: true } };
      });
    });
    const io = fakeIo({ env: open.env, ...(answer !== undefined && { columns: 80 }) });
    if (answer !== undefined) io.stdin.end(answer);
    const code = await main(["token", "revoke", ...words], io);
    return { code, asked, err: io.written().err };
  }

  test("asks on a terminal when it is the one in use", async () => {
    expect(await revoke(["mine"], "n\n")).toMatchObject({ code: 1, asked: [] });
    await open?.close();
    const yes = await revoke(["1"], "y\n");
    expect(yes).toMatchObject({ code: 0, asked: [{ named: "1", evenOwn: true }] });
    expect(yes.err).toContain("the one ozctl used here");
  });

  test("leaves it to the control plane to refuse where nobody can be asked", async () => {
    expect((await revoke(["mine"], undefined)).asked).toEqual([{ named: "mine", evenOwn: false }]);
    await open?.close();
    expect((await revoke(["mine", "--yes"], undefined)).asked).toEqual([{ named: "mine", evenOwn: true }]);
  });
});

function terminal(options: FakeIoOptions, raw: boolean[]): FakeIo {
  const io = fakeIo(options);
  io.stdin.isTTY = true;
  io.stdin.setRawMode = (on) => raw.push(on);
  return io;
}

async function until(ready: () => boolean): Promise<void> {
  for (let n = 0; n < 400 && !ready(); n++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(ready()).toBe(true);
}
