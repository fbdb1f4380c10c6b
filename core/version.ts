// What this build is. The build replaces the define; from source it reads as it stands.
declare const OZWALD_COMMIT: string | undefined;

export const version = "0.1.0";

export const commit: string = typeof OZWALD_COMMIT === "string" ? OZWALD_COMMIT : "source";
