// The words of Node, OpenSSL and gRPC, and the stage that each of them is of.
import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { reachHint, reachStage, reachWords, silenceWords } from "./reach-trouble.ts";

const grpc = (said: string) => `No connection established. Last error: Error: ${said}. Resolution note: `;
const openssl =
  "40CD614F0C7F0000:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number:../a.c:77:\n";

test.each([
  ["DNS", "getaddrinfo ENOTFOUND no-such.invalid"],
  ["DNS", "getaddrinfo EAI_AGAIN controlplane"],
  ["DNS", "Name resolution failed for target dns:no-such.invalid:7443"],
  ["TCP", "connect ECONNREFUSED 127.0.0.1:1"],
  ["TCP", grpc("connect EHOSTUNREACH 10.0.0.9:7443")],
  ["TCP", "connect ETIMEDOUT 10.0.0.9:7443"],
  ["TLS", openssl],
  ["TLS", grpc(openssl)],
  ["TLS", "Client network socket disconnected before secure TLS connection was established"],
  ["TLS", "Hostname/IP does not match certificate's altnames: IP: 127.0.0.2 is not in the cert's list: 127.0.0.1"],
  ["TLS", "certificate has expired"],
  ["TLS", "CERT_HAS_EXPIRED"],
  ["TLS", "CERT_NOT_YET_VALID"],
  ["TLS", "CERT_REVOKED"],
  ["TCP", "connect EPERM 10.0.0.9:7443 - Local (10.0.0.7:51234)"],
  ["TCP", grpc("connect EACCES 10.0.0.9:7443")],
  ["pin", "CERT_SIGNATURE_FAILURE"],
  ["pin", "certificate signature failure"],
  ["pin", grpc("self-signed certificate in certificate chain")],
  ["pin", "unable to verify the first certificate"],
  ["pin", "unable to get local issuer certificate"],
  [undefined, "the control plane ended the stream"],
])("%s: %s", (stage, said) => {
  expect(reachStage(said)).toBe(stage);
  if (stage === undefined) expect(reachWords(said)).toBe(said);
  else expect(reachWords(said).startsWith(`${stage}: `)).toBe(true);
});

test("what gRPC and OpenSSL put around the words is taken away", () => {
  expect(reachWords(grpc("connect ECONNREFUSED 127.0.0.1:1"))).toBe(
    "TCP: no connection (connect ECONNREFUSED 127.0.0.1:1)",
  );
  expect(reachWords(grpc(openssl))).toBe(
    "TLS: what answers there does not speak TLS 1.3 as a control plane does (wrong version number)",
  );
});

test("a certificate of another time is said to be that", () => {
  for (const said of ["certificate has expired", "certificate is not yet valid"])
    expect(reachWords(grpc(said))).toBe(`TLS: ${said}; compare the clocks of both machines (date)`);
  // As a look at a better address says it.
  expect(reachWords("CERT_HAS_EXPIRED")).toBe(reachWords("certificate has expired"));
  expect(reachWords("CERT_NOT_YET_VALID")).toBe(reachWords("certificate is not yet valid"));
});

test("a certificate that is not good is no other protocol, and a firewall of this machine is named", () => {
  for (const said of ["CERT_REVOKED", "unsupported certificate purpose"])
    expect(reachWords(said)).toBe(`TLS: its certificate is not good (${said})`);
  expect(reachWords("connect EPERM 10.0.0.9:7443")).toBe(
    "TCP: no connection (connect EPERM 10.0.0.9:7443); a firewall of this machine forbids it",
  );
});

test("every stage has a hint of its own", () => {
  const hints = (["DNS", "TCP", "TLS", "pin"] as const).map(reachHint);
  expect(new Set(hints).size).toBe(4);
});

let server: Server | undefined;
afterEach(() => void server?.close());

test("a silence is of TLS where the port takes the connection, of TCP where not", async () => {
  const made = createServer((socket) => socket.on("error", () => {}));
  server = made;
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  const { port } = made.address() as AddressInfo;
  expect(await silenceWords("127.0.0.1", port, 100)).toMatch(/^TLS: .* said nothing for 100 ms$/);
  await new Promise((resolve) => made.close(resolve));
  expect(await silenceWords("127.0.0.1", port, 100)).toMatch(/^TCP: no connection/);
});
