// Command: node scripts/model/fetch.ts [--model PATH|https URL] [--place FOLDER] [--no-install]

import { parseArgs } from "node:util";
import { mainOf } from "../lib/main-of.ts";
import { fetchModel } from "./fetch-model.ts";
import { modelCacheFolder } from "./model-cache.ts";
import { placeModel } from "./place-model.ts";

mainOf(async () => {
  const { values } = parseArgs({
    options: {
      model: { type: "string" },
      place: { type: "string" },
      "no-install": { type: "boolean", default: false },
    },
  });
  const found = await fetchModel({
    source: values.model,
    cache: modelCacheFolder(),
    mayInstall: !values["no-install"],
  });
  if (values.place !== undefined) await placeModel(found, values.place);
  process.stdout.write(`${JSON.stringify(found)}\n`);
});
