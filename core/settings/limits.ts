// How much settings may hold: known to who sends them and to who reads them.

/** Largest settings file or env file, in bytes. */
export const maxFileBytes = 2 ** 20;

/** Settings files of one project. More are a mistake. */
export const maxFiles = 64;

/** Replicas of one instance. */
export const maxReplicas = 1000;

/** All settings files and env files of one project together, in bytes. */
export const maxTotalBytes = 3 * 2 ** 20;
