// Renews the host's certificate before it ends, with a new key each time.
import { X509Certificate } from "node:crypto";
import type { RenewCertificateResponse } from "#proto/agent_pb.ts";
import type { Clock } from "#core/clock.ts";
import { OzError } from "#core/errors.ts";
import type { Log } from "#core/log.ts";
import { type Loop, startLoop } from "#core/reconcile.ts";
import { certificateRequest, newKeyPem } from "./certificate-request.ts";
import { certificateFits, type HostIdentity, replaceKeyPair } from "./identity-files.ts";

export type RenewalOptions = {
  readonly identity: HostIdentity;
  readonly stateDir: string;
  /** Asks the control plane: AgentLink.renewCertificate. */
  renew(csrPem: string, signal: AbortSignal): Promise<RenewCertificateResponse>;
  /** The new pair is on disk; the link should use it: AgentLink.setIdentity. */
  onRenewed(identity: HostIdentity): void;
  readonly clock: Clock;
  /** In [0, 1): spreads hosts that joined together. */
  random(): number;
  readonly log: Log;
};

/** How often the dates are looked at; a machine that slept notices within this time. */
const lookMs = 60_000;

/** When to renew: at two thirds of the life, earlier by up to a tenth of it. Milliseconds since 1970. */
export function renewalTime(certPem: string, random: number): number {
  const { validFromDate, validToDate } = new X509Certificate(certPem);
  const lifeMs = validToDate.getTime() - validFromDate.getTime();
  return Math.floor(validFromDate.getTime() + lifeMs * (2 / 3 - random / 10));
}

/** Keeps the certificate fresh until disposed. Failures are tried again, up to once in 10 minutes, and never touch the present pair. */
export function startRenewal(options: RenewalOptions): Loop {
  const { stateDir, clock, log } = options;
  let identity = options.identity;
  let at = renewalTime(identity.certPem, options.random());

  async function run(signal: AbortSignal): Promise<void> {
    if (clock.now() < at) return;
    const keyPem = newKeyPem();
    const { certificatePem } = await options.renew(certificateRequest(keyPem, identity.name), signal);
    if (!certificateFits(keyPem, certificatePem)) {
      throw new OzError("internal", "the control plane renewed the certificate for another key; the old one stays");
    }
    await replaceKeyPair(stateDir, keyPem, certificatePem);
    identity = { ...identity, keyPem, certPem: certificatePem };
    at = renewalTime(certificatePem, options.random());
    log.info({ until: new X509Certificate(certificatePem).validTo }, "the certificate of this host was renewed");
    options.onRenewed(identity);
  }
  return startLoop({
    name: "certificate",
    run,
    periodMs: lookMs,
    clock,
    log,
    backoff: { minMs: 5_000, maxMs: 600_000 },
  });
}
