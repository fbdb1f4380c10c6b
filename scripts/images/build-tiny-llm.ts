// Command: node scripts/images/build-tiny-llm.ts

import { mainOf } from "../lib/main-of.ts";
import { saidOf } from "./example-image.ts";
import { ensureTinyLlmImage } from "./tiny-llm-image.ts";

mainOf(async () => void process.stdout.write(saidOf(await ensureTinyLlmImage())));
