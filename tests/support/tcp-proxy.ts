// A TCP proxy that can go deaf: connections stay open and nothing passes any more, as when a cable is cut.
import net, { type AddressInfo, type Socket } from "node:net";

export type TcpProxy = {
  readonly port: number;
  deaf: boolean;
  readonly open: ReadonlySet<Socket>;
  [Symbol.asyncDispose](): Promise<void>;
};

export async function openTcpProxy(targetPort: number): Promise<TcpProxy> {
  const open = new Set<Socket>();
  const server = net.createServer((near) => {
    const far = net.connect(targetPort, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on("data", (bytes) => void (proxy.deaf || to.write(bytes)));
      from.on("error", () => {});
      from.on("close", () => {
        open.delete(from);
        if (!proxy.deaf) to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy = {
    port: (server.address() as AddressInfo).port,
    deaf: false,
    open,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
