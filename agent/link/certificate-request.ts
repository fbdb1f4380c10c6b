// Key and certificate request of a host, made by node:crypto alone: a certificate library would cost a long-lived agent 11 MiB.
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";

/** A new P-256 key, PKCS#8 PEM. It never leaves the host. */
export function newKeyPem(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** Certificate request (PKCS#10, RFC 2986) for the key, as PEM. The authority takes nothing but the key from it. */
export function certificateRequest(keyPem: string, commonName: string): string {
  const key = createPrivateKey(keyPem);
  const publicKey = createPublicKey(key).export({ type: "spki", format: "der" });
  const name = sequence(set(sequence(oid.commonName, der(0x0c, Buffer.from(commonName.slice(0, 64), "utf8")))));
  const info = sequence(der(0x02, Buffer.of(0)), name, publicKey, der(0xa0, Buffer.alloc(0)));
  const signature = sign("sha256", info, key);
  const request = sequence(info, sequence(oid.ecdsaWithSha256), der(0x03, Buffer.of(0), signature));
  const lines = request.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join("\n")}\n-----END CERTIFICATE REQUEST-----\n`;
}

const oid = {
  /** 2.5.4.3 */
  commonName: Buffer.from("0603550403", "hex"),
  /** 1.2.840.10045.4.3.2 */
  ecdsaWithSha256: Buffer.from("06082a8648ce3d040302", "hex"),
};

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, ...parts);
}

function set(...parts: Buffer[]): Buffer {
  return der(0x31, ...parts);
}

/** One DER value: tag, length, content. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}
