// What the executable carries for other machines: itself, the install script and ozctl's npm package. From source there is none of them.
import { getAsset, getRawAsset, isSea } from "node:sea";

export type Packaged = {
  /** Text of packaging/install.sh, not yet filled in. */
  readonly script: string;
  /** The executable's file. */
  readonly executable: string;
  /** System and processor it is for: "linux-x64". */
  readonly target: string;
  /** The npm package of ozctl, for machines of any system. */
  ozctlPackage(): Uint8Array;
};

/** Names of the assets. */
const scriptAsset = "install.sh";
const packageAsset = "ozctl.tgz";

/** Undefined when the control plane runs from source. */
export function packaged(): Packaged | undefined {
  if (!isSea()) return undefined;
  return {
    script: getAsset(scriptAsset, "utf8"),
    // Not the path it was started by: an upgrade puts another file there while this one goes on running.
    executable: "/proc/self/exe",
    target: `${process.platform}-${process.arch}`,
    ozctlPackage: () => new Uint8Array(getRawAsset(packageAsset) as ArrayBuffer),
  };
}
