// A listening socket that outlives whoever answers on it, as systemd holds Docker's: while the engine is away, callers wait instead of
// being turned down.
import { spawn } from "node:child_process";

export type HeldSocket = {
  /** The command line, with the socket handed to it in the manner of systemd (dockerd takes it as -H fd://). */
  handTo(argv: readonly string[]): string[];
  dispose(): void;
};

const hold = `
import os, socket, sys
held = socket.socket(socket.AF_UNIX)
held.bind(sys.argv[1])
held.listen(256)
os.dup2(held.fileno(), 9)
os.execvp("sleep", ["sleep", "infinity"])
`;

/** 438 is pidfd_getfd(2), on every architecture. */
const take = `
import ctypes, os, sys
fd = ctypes.CDLL(None).syscall(438, os.pidfd_open(int(sys.argv[1])), 9, 0)
if fd < 0: sys.exit("the held socket cannot be taken")
os.dup2(fd, 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[2], sys.argv[2:])
`;

export function holdSocket(path: string): HeldSocket {
  const holder = spawn("python3", ["-c", hold, path], { stdio: "ignore" });
  return {
    handTo: (argv) => ["python3", "-c", take, String(holder.pid), ...argv],
    dispose: () => void holder.kill("SIGKILL"),
  };
}
