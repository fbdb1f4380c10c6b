// Tells how long something took, so that a run of the system tests shows its figures.

/** Writes "time: kill to ready 1,412 ms (note)" to the test's output. */
export function report(what: string, ms: number, note = ""): void {
  console.log(`time: ${what} ${Math.round(ms).toLocaleString("en")} ms${note === "" ? "" : ` (${note})`}`);
}
