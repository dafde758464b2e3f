import type { Check, Finding } from '../check.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** No correct clock is earlier than this program. */
const EARLIEST = Date.parse('2025-01-01T00:00:00Z');

export const clock: Check = {
  name: 'clock',
  needed: true,
  async run({ mirror }) {
    const { clockAheadMs } = await mirror().catch(() => ({ clockAheadMs: undefined }));
    return clockVerdict(Date.now(), clockAheadMs);
  },
};

/**
 * The verdict on a clock. Pure.
 * @param aheadMs difference from the mirror's clock; `undefined` if the mirror did not send its time
 */
export function clockVerdict(now: number, aheadMs: number | undefined): Finding {
  const remedy = 'timedatectl set-ntp true';
  if (now < EARLIEST)
    return {
      status: 'fail',
      detail: `it is set to ${new Date(now).toISOString()}: packages and certificates are rejected as not valid yet`,
      remedy,
    };
  if (aheadMs === undefined)
    return {
      status: 'ok',
      detail: `${new Date(now).toISOString()}; nothing to compare it with, because the mirror did not send its time`,
    };
  const off = Math.abs(aheadMs);
  if (off <= MINUTE) return { status: 'ok', detail: "agrees with the package mirror's" };
  const how = `${span(off)} ${aheadMs > 0 ? 'ahead of' : 'behind'} the package mirror's`;
  if (off <= DAY)
    return {
      status: 'warn',
      detail: `${how}: requests signed on other machines are rejected when clocks differ by 5 min`,
      remedy,
    };
  return { status: 'fail', detail: `${how}: packages are rejected as not valid yet or expired`, remedy };
}

function span(ms: number): string {
  if (ms < 120 * MINUTE) return `${Math.round(ms / MINUTE)} min`;
  return ms < 2 * DAY ? `${Math.round(ms / MINUTE / 60)} h` : `${Math.round(ms / DAY)} days`;
}
