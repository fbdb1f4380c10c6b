import { expect, test } from "vitest";
import { localCandidates, parseImageName } from "./image-name.ts";

test.each([
  ["web", "docker.io", "web", "latest"],
  ["web:1.4", "docker.io", "web", "1.4"],
  ["acme/web", "docker.io", "acme/web", "latest"],
  ["ghcr.io/acme/web:1.4", "ghcr.io", "ghcr.io/acme/web", "1.4"],
  ["localhost/web", "localhost", "localhost/web", "latest"],
  ["127.0.0.1:5000/web:2", "127.0.0.1:5000", "127.0.0.1:5000/web", "2"],
  ["127.0.0.1:5000/web", "127.0.0.1:5000", "127.0.0.1:5000/web", "latest"],
  ["ghcr.io/a/b:1@sha256:abc", "ghcr.io", "ghcr.io/a/b", "sha256:abc"],
])("%s", (image, registry, repository, reference) => {
  expect(parseImageName(image)).toEqual({ registry, repository, reference });
});

test("a plain name may also be there with ozwald- before it", () => {
  expect(localCandidates("tiny-llm:cpu")).toEqual(["tiny-llm:cpu", "ozwald-tiny-llm:cpu"]);
  expect(localCandidates("ozwald-x")).toEqual(["ozwald-x"]);
  expect(localCandidates("ghcr.io/a/b")).toEqual(["ghcr.io/a/b"]);
});
