// One link stream as the hub sees it, and the ports through which the hub asks others.
import type { OzError } from "#core/errors.ts";
import type { Hello, LinkResponse } from "#proto/agent_pb.ts";

/** Why the control plane ends a stream; the words of Closed.reason. */
export type ClosedReason = "superseded" | "quarantined" | "revoked" | "fenced" | "shutdown";

/** A stream of an agent. Its host id comes from the certificate. */
export type AgentSession = {
  readonly hostId: string;
  /** Name the host had when its certificate was signed. */
  readonly certifiedName?: string | undefined;
  readonly address: string;
  /** Queues a message. A newer assignment or acknowledgement replaces one that still waits; a reader that is too slow is cut off. */
  send(message: LinkResponse): void;
  /** Says why and ends the stream. */
  close(reason: ClosedReason, message: string): void;
  /** Ends the stream with an error, at once. */
  abort(error: OzError): void;
};

/** Verdict on a Hello. obeys false = the host is seen but takes no orders; problem says why. */
export type Admission =
  | {
      readonly admitted: true;
      readonly clusterId: string;
      readonly clusterEpoch: number;
      readonly incarnation: string;
      readonly historyContainsObeyed: boolean;
      readonly obeys: boolean;
      readonly problem: string;
    }
  | { readonly admitted: false; readonly reason: ClosedReason; readonly message: string };

/** certifiedName: name in its certificate, for a store that has forgotten the host. */
export type Admit = (hostId: string, hello: Hello, certifiedName?: string) => Promise<Admission>;
