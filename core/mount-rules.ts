// Which paths of a host no container gets, which it gets and a person shall see, and which paths inside a container nothing is mounted over.
// Settings are checked with it where they are written; the agent checks again what a path really is.

/** Trees of the host that give the whole host away to whoever writes (or, in some, reads) them. */
const forbiddenTrees = ["/proc", "/sys", "/dev", "/run", "/var/run", "/boot", "/var/lib/docker", "/var/lib/containerd"];
/** Folders that may not be given away as a whole; what lies deeper may be. */
const forbiddenFolders = ["/etc", "/var", "/var/lib", "/usr", "/bin", "/sbin", "/lib", "/root"];
/** Where Ozwald keeps its keys, tokens and database unless told otherwise, and what may be mounted there nevertheless. */
const ownTrees = ["/var/lib/ozwald", "/var/lib/ozwald-quickstart", "/etc/ozwald"];
const models = "/var/lib/ozwald/models";
/** Trees whose content says much of the host, or is obeyed by it. */
const exposedTrees = ["/etc", "/root"];
/** Trees from which the host runs programs with root's rights: who writes there has the host. */
const runTrees = [
  "/usr",
  "/bin",
  "/sbin",
  "/lib",
  "/lib32",
  "/lib64",
  "/libx32",
  "/var/spool",
  "/var/lib/systemd",
  "/var/lib/dpkg",
];
/** Homes as a whole and what logs in there; other folders in them are people's data. */
const homes = /^\/home(\/[^/]+(\/\.ssh(\/.*)?)?)?$/;
const engineSockets = /(^|\/)(docker|containerd|podman|crio|buildkitd)\.sock$/;
const kernelTrees = ["/proc", "/sys", "/dev"];

/** Why a path of the host is never mounted; undefined when it may be. The path is absolute, with one slash at a time and no "..". */
export function hostPathRefusal(path: string): string | undefined {
  if (engineSockets.test(path)) return "it would hand over the container engine, and with it the host";
  const tree = forbiddenTrees.find((root) => isWithin(path, root));
  if (tree !== undefined) return `nothing below ${tree} of a host may be mounted`;
  if (path === "/") return "the whole file system of a host may not be mounted";
  if (ownTrees.some((root) => isWithin(path, root)) && !isWithin(path, models))
    return `it holds keys and state of Ozwald itself (a folder for models is ${models})`;
  return forbiddenFolders.includes(path) ? `${path} of a host may not be mounted as a whole` : undefined;
}

/** Why a path that holds one of the folders, or lies in one, is not mounted; undefined when it is apart from them. All paths are real ones. */
export function overlapRefusal(path: string, ownFolders: readonly string[]): string | undefined {
  const own = ownFolders.find((folder) => isWithin(path, folder) || isWithin(folder, path));
  return own === undefined
    ? undefined
    : `it would hand over ${own}, the state of the agent, with the keys of this host`;
}

/** True when a mount of the path gives so much of the host away that a person shall see it before it runs. */
export function exposesHost(path: string, readOnly: boolean): boolean {
  if (hostPathRefusal(path) !== undefined || exposedTrees.some((root) => isWithin(path, root))) return true;
  return !readOnly && (homes.test(path) || runTrees.some((root) => isWithin(path, root)));
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
