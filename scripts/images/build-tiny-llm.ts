// Command: node scripts/images/build-tiny-llm.ts

import { mainOf } from "../lib/main-of.ts";
import { ensureTinyLlmImage } from "./tiny-llm-image.ts";

mainOf(async () => {
  const { image, built, bytes, seconds } = await ensureTinyLlmImage();
  const what = built ? `built in ${seconds.toFixed(1)} s` : "is current";
  process.stdout.write(`${image} ${what}, ${Math.round(bytes / 1e6)} MB\n`);
});
