// Every migration, in order. An explicit list: a single executable has no folder to look into.
import { init } from "./001-init.ts";
import type { Migration } from "./migration.ts";

export const allMigrations: readonly Migration[] = [init];
