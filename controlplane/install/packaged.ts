// What the executable carries for other machines: itself and the install script. From source there is neither.
import { getAsset, isSea } from "node:sea";

export type Packaged = {
  /** Text of packaging/install.sh, not yet filled in. */
  readonly script: string;
  /** The executable's file. */
  readonly executable: string;
  /** System and processor it is for: "linux-x64". */
  readonly target: string;
};

/** Name of the asset. */
const scriptAsset = "install.sh";

/** Undefined when the control plane runs from source. */
export function packaged(): Packaged | undefined {
  if (!isSea()) return undefined;
  return {
    script: getAsset(scriptAsset, "utf8"),
    // Not the path it was started by: an upgrade puts another file there while this one goes on running.
    executable: "/proc/self/exe",
    target: `${process.platform}-${process.arch}`,
  };
}
