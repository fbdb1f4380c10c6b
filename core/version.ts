// What this build is. The build replaces the define; from source it reads as it stands.
declare const OZWALD_COMMIT: string | undefined;
declare const OZWALD_PROTO: string | undefined;

export const version = "0.1.0";

export const commit: string = typeof OZWALD_COMMIT === "string" ? OZWALD_COMMIT : "source";

/** Hash of the contract without its comments: two programs with the same one say the same things. */
export const protoHash: string = typeof OZWALD_PROTO === "string" ? OZWALD_PROTO : "source";
