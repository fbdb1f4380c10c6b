// Keys of the authority and the server, and the pair that signs. Node's own crypto only.
import { createHash, createPublicKey, generateKeyPairSync } from "node:crypto";
import { OzError } from "#core/errors.ts";

/** The authority's certificate with the key that signs, PEM. */
export type Signer = { readonly keyPem: string; readonly certificatePem: string };

/** New ECDSA P-256 key, PKCS#8 PEM. */
export function newKeyPem(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** SHA-256 of the public key (SPKI) of a private key or certificate, PEM. */
export function publicKeySha256(pem: string, encoding: "hex" | "base64"): string {
  return createHash("sha256")
    .update(createPublicKey(pem).export({ type: "spki", format: "der" }))
    .digest(encoding);
}

/** Key and certificate that sign. Throws precondition when they do not belong together. */
export function checkedSigner(keyPem: string, certificatePem: string): Signer {
  if (publicKeySha256(keyPem, "hex") !== publicKeySha256(certificatePem, "hex")) {
    throw new OzError("precondition", "the key and the certificate of the cluster's authority do not belong together");
  }
  return { keyPem, certificatePem };
}
