// What a stranger sends ends nothing, and is neither waited for nor held, whichever protocol it speaks.
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bearerPrincipal } from "../auth/bearer.ts";
import { publicMaxBytes } from "../auth/rules.ts";
import { startTestControlPlane, type TestControlPlane } from "../testing/control-plane.ts";
import { createApiHandler } from "./router.ts";

let plane: TestControlPlane;
let server: http2.Http2Server;
let session: http2.ClientHttp2Session;
beforeEach(async () => {
  plane = await startTestControlPlane();
  server = http2.createServer(
    createApiHandler(plane.context, bearerPrincipal(plane.context.store, plane.context.clock)),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterEach(async () => {
  session.destroy();
  await new Promise((resolve) => server.close(resolve));
  await plane[Symbol.asyncDispose]();
});

type Answer = { status: number | undefined; grpcStatus: string; text: string };

/** Sends the beginning of a body and never its end; resolves when the answer is there. */
function ask(method: string, contentType: string, begin: Buffer, authority = "control"): Promise<Answer> {
  return new Promise((resolve) => {
    const answer: Answer = { status: undefined, grpcStatus: "", text: "" };
    const take = (headers: http2.IncomingHttpHeaders) => {
      answer.grpcStatus ||= String(headers["grpc-status"] ?? "");
    };
    const request = session.request({
      ":method": "POST",
      ":path": `/ozwald.v1.${method}`,
      ":authority": authority,
      "content-type": contentType,
      authorization: "Bearer ozt_a_wrong",
    });
    request.on("response", (headers) => {
      answer.status = headers[":status"];
      take(headers);
    });
    request.on("trailers", take);
    request.on("error", () => {});
    request.setEncoding("utf8").on("data", (text: string) => (answer.text += text));
    request.once("end", () => resolve(answer));
    request.write(begin);
  });
}

/** The head of a gRPC message of 3 MiB, and the beginning of it. */
const openMessage = Buffer.concat([Buffer.from([0, 0, 0x30, 0, 0]), Buffer.alloc(100_000)]);

test.each(["application/json", "application/grpc", "application/grpc-web+proto"])(
  "a call that needs a token is refused before its body is there (%s)",
  async (contentType) => {
    const answer = await ask("SettingsService/ApplySettings", contentType, openMessage);
    if (contentType === "application/json") {
      expect([answer.status, JSON.parse(answer.text)]).toMatchObject([401, { code: "unauthenticated" }]);
    } else {
      expect(answer.grpcStatus || answer.text).toMatch(/16/);
    }
  },
);

test("a host name that is none is refused, and nothing else ends", async () => {
  const [method, contentType] = ["EnrollmentService/Enroll", "application/json"];
  expect(await ask(method, contentType, Buffer.from("{}"), "[")).toMatchObject({ status: 400 });
  expect(await ask("StatusService/GetStatus", contentType, Buffer.from("{}"))).toMatchObject({ status: 401 });
});

test.each(["EnrollmentService/Enroll", "HealthService/Check"])(
  "of the public call %s little is read",
  async (method) => {
    const answer = await ask(method, "application/json", Buffer.alloc(publicMaxBytes + 1, " "));
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([429, { code: "resource_exhausted" }]);
  },
);
