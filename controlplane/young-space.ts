// Keeps V8's space for young objects as small as it begins: what is forwarded goes through the control plane.
import { setFlagsFromString } from "node:v8";

/**
 * Buffers are small objects with much memory beside them. In a young space of 16 MiB thousands of them wait for a collection, and V8 collects
 * everything again and again because of the memory beside: more than half the processor time of a forwarded stream.
 */
export function keepYoungSpaceSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
