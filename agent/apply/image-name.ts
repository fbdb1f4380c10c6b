// Image names as people write them, taken apart the way engines read them. Pure.

export type ImageName = {
  /** Host of the registry, with port if it has one; "docker.io" when the name has none. */
  readonly registry: string;
  /** Everything before tag and digest, as written. */
  readonly repository: string;
  /** Digest when there is one, else tag, else "latest". */
  readonly reference: string;
};

/** Takes a name apart. "web" is docker.io, web, latest; "ghcr.io/a/web:1.4" is ghcr.io, ghcr.io/a/web, 1.4. */
export function parseImageName(image: string): ImageName {
  const [withoutDigest = "", digest] = image.split("@", 2);
  const slash = withoutDigest.lastIndexOf("/");
  const colon = withoutDigest.indexOf(":", slash + 1);
  const repository = colon < 0 ? withoutDigest : withoutDigest.slice(0, colon);
  const tag = colon < 0 ? "" : withoutDigest.slice(colon + 1);
  return { registry: registryOf(repository), repository, reference: digest || tag || "latest" };
}

/** The names under which an image may be on the host, best first. */
export function localCandidates(image: string): string[] {
  return image.startsWith("ozwald-") || image.includes("/") ? [image] : [image, `ozwald-${image}`];
}

function registryOf(repository: string): string {
  const first = repository.split("/", 1)[0] ?? "";
  const isHost = repository.includes("/") && (first.includes(".") || first.includes(":") || first === "localhost");
  return isHost ? first : "docker.io";
}
