// Writes packaging/settings.schema.json and the table in docs/settings.md from the one schema: node scripts/settings-schema.ts
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { settingsJsonSchema } from "#core/settings/schema.ts";
import { settingsTable, withTable } from "./settings-table.ts";

const root = join(import.meta.dirname, "..");
const [schemaPath, docPath] = [join(root, "packaging/settings.schema.json"), join(root, "docs/settings.md")];

writeFileSync(schemaPath, `${JSON.stringify(settingsJsonSchema(), undefined, 2)}\n`);
execFileSync(join(root, "node_modules/.bin/oxfmt"), [schemaPath], { timeout: 30_000 });
writeFileSync(docPath, withTable(readFileSync(docPath, "utf8"), settingsTable()));
