import dgram from "node:dgram";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { listeningPorts } from "./listening-ports.ts";

test("real sockets: what waits is listed, what is only connected is not", async () => {
  const four = net.createServer().listen(0, "127.0.0.1");
  const six = net.createServer().listen(0, "::1");
  const udp = dgram.createSocket("udp4").bind(0, "127.0.0.1");
  await Promise.all([once(four, "listening"), once(six, "listening"), once(udp, "listening")]);
  const near = net.connect((four.address() as AddressInfo).port, "127.0.0.1");
  await once(near, "connect");
  const ports = listeningPorts();
  for (const server of [four, six, udp]) expect(ports).toContain((server.address() as AddressInfo).port);
  expect(ports).not.toContain(near.localPort);
  near.destroy();
  for (const server of [four, six, udp]) server.close();
});

test("no files, or files of another form, are no ports", () => {
  const folder = mkdtempSync(join(tmpdir(), "proc-"));
  expect(listeningPorts(folder)).toEqual(new Set());
  mkdirSync(join(folder, "net"));
  writeFileSync(
    join(folder, "net/tcp"),
    "  sl  local_address rem_address   st\n\n   0: 0100007F:2AF8 00000000:0000 0A 0\nx\n",
  );
  expect(listeningPorts(folder)).toEqual(new Set([11_000]));
  rmSync(folder, { recursive: true });
});
