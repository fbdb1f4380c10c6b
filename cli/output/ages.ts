// Times as people read them: how long ago, and what the clock said.
import { formatDuration } from "#core/units.ts";

/** The subset of google.protobuf.Timestamp that is needed. */
export type Moment = { seconds: bigint; nanos: number };

export function momentMs(moment: Moment): number {
  return Number(moment.seconds) * 1000 + Math.floor(moment.nanos / 1e6);
}

/** "2 min", or "" when the moment is not known. A clock that runs ahead gives "0.0 s". */
export function age(moment: Moment | undefined, nowMs: number): string {
  return moment === undefined ? "" : formatDuration(nowMs - momentMs(moment));
}

/** "14:02:11" today, "11-20 14:02:11" on other days, in the time zone of the shell. */
export function clockTime(moment: Moment | undefined, nowMs: number): string {
  if (moment === undefined) return "";
  const at = new Date(momentMs(moment));
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  return at.toDateString() === new Date(nowMs).toDateString()
    ? time
    : `${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}
