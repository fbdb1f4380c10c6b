// Whose turn it is to ask a host for something: a few at a time, in the order they came. Many at once would fill its link, which is cut then.
import { OzError } from "#core/errors.ts";

export type Turns = {
  /**
   * Calls ask when it is this one's turn. The result ends the turn, also before it came, and gives it to the next one; safe to repeat.
   * Throws limit when too many wait already.
   */
  take(hostId: string, ask: () => void): () => void;
};

export function createTurns(options: { mostAsked: number; mostWaiting: number }): Turns {
  const { mostAsked, mostWaiting } = options;
  const lines = new Map<string, { asked: number; next: (() => void)[] }>();
  return {
    take(hostId, ask) {
      const line = lines.get(hostId) ?? { asked: 0, next: [] };
      lines.set(hostId, line);
      if (line.next.length >= mostWaiting)
        throw new OzError("limit", `${mostWaiting} requests wait for this host already`, { hint: "Try again." });
      let state: "waits" | "asked" | "done" = "waits";
      const go = () => {
        state = "asked";
        line.asked++;
        ask();
      };
      const pass = () => {
        while (line.asked < mostAsked && line.next.length > 0) line.next.shift()?.();
        if (line.asked === 0 && line.next.length === 0 && lines.get(hostId) === line) lines.delete(hostId);
      };
      line.next.push(go);
      pass();
      return () => {
        if (state === "waits") line.next.splice(line.next.indexOf(go), 1);
        if (state === "asked") line.asked--;
        state = "done";
        pass();
      };
    },
  };
}
