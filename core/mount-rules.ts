// Which paths of a host no container gets, and which paths inside a container nothing is mounted over. Settings are checked with it where
// they are written; the agent checks again what a path really is.

/** Trees of the host that give the whole host away to whoever writes (or, in some, reads) them. */
const forbiddenTrees = ["/proc", "/sys", "/dev", "/run", "/var/run", "/boot", "/var/lib/docker", "/var/lib/containerd"];
/** Folders that may not be given away as a whole; what lies deeper may be. */
const forbiddenFolders = ["/etc", "/var", "/var/lib", "/usr", "/bin", "/sbin", "/lib", "/root"];
const engineSockets = /(^|\/)(docker|containerd|podman|crio|buildkitd)\.sock$/;
const kernelTrees = ["/proc", "/sys", "/dev"];

/** Why a path of the host is never mounted; undefined when it may be. The path is absolute, with one slash at a time and no "..". */
export function hostPathRefusal(path: string): string | undefined {
  if (engineSockets.test(path)) return "it would hand over the container engine, and with it the host";
  const tree = forbiddenTrees.find((root) => isWithin(path, root));
  if (tree !== undefined) return `nothing below ${tree} of a host may be mounted`;
  if (path === "/") return "the whole file system of a host may not be mounted";
  return forbiddenFolders.includes(path) ? `${path} of a host may not be mounted as a whole` : undefined;
}

/** Why nothing is mounted over a path inside; undefined when it may be. The path is as above. */
export function insidePathRefusal(path: string): string | undefined {
  if (path === "/") return "nothing can be mounted over /";
  const belongs = kernelTrees.some((tree) => isWithin(path, tree)) && !isWithin(path, "/dev/shm");
  return belongs ? `${path} belongs to the kernel, inside too` : undefined;
}

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}
