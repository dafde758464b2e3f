/**
 * Schedules over ten years in three time zones, by a scheduler that is killed at random: each due time is run, or
 * made up for, once. The expectations are worked out here from the zones' own rules, without croner.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openCatalog } from '../../src/catalog/catalog.ts';
import { insertPipeline, type StoredPipeline } from '../../src/catalog/image-pipelines.ts';
import { runsOfPipeline } from '../../src/catalog/pipeline-runs.ts';
import { schedulePipeline } from '../../src/pipelines/scheduler.ts';

const CHILD = fileURLToPath(new URL('../harness/scheduler-child.ts', import.meta.url));
const PLACE = { account: '123456789012', region: 'eu-west-1' };
const [FROM, TO] = [Date.UTC(2026, 0, 1), Date.UTC(2036, 0, 1)];
const KILLS = 20;
const DAY = 86_400_000;
const HOUR = 3_600_000;

/** The n-th Sunday of a month (from 1), or the last with -1, at midnight UTC. */
function sunday(year: number, month: number, n: number): number {
  if (n < 0) {
    const last = Date.UTC(year, month + 1, 0);
    return last - new Date(last).getUTCDay() * DAY;
  }
  const first = Date.UTC(year, month, 1);
  return first + ((7 - new Date(first).getUTCDay()) % 7) * DAY + (n - 1) * 7 * DAY;
}

/** 02:30 of each Sunday. In each zone the day on which the clock is set forward has none: 03:00 takes its place. */
const ZONES: Readonly<Record<string, (midnight: number, year: number) => number>> = {
  // +1, +2 from the last Sunday of March, 02:00, to the last of October, 03:00: that has 02:30 twice.
  'Europe/Berlin': (midnight, year) => {
    const [forward, back] = [sunday(year, 2, -1), sunday(year, 9, -1)];
    if (midnight === forward) return midnight + 1 * HOUR;
    return midnight + 2.5 * HOUR - (midnight > forward && midnight <= back ? 2 : 1) * HOUR;
  },
  // -5, -4 from the second Sunday of March, 02:00, to the first of November, 02:00: its 02:30 is after that.
  'America/New_York': (midnight, year) => {
    const [forward, back] = [sunday(year, 2, 2), sunday(year, 10, 1)];
    if (midnight === forward) return midnight + 7 * HOUR;
    return midnight + 2.5 * HOUR + (midnight > forward && midnight < back ? 4 : 5) * HOUR;
  },
  // +10, +11 from the first Sunday of October, 02:00, to the first of April, 03:00: that has 02:30 twice.
  'Australia/Sydney': (midnight, year) => {
    const [back, forward] = [sunday(year, 3, 1), sunday(year, 9, 1)];
    if (midnight === forward) return midnight - 8 * HOUR;
    return midnight + 2.5 * HOUR - (midnight <= back || midnight > forward ? 11 : 10) * HOUR;
  },
};

function sundays(zone: string): readonly number[] {
  const times: number[] = [];
  for (let midnight = sunday(2025, 11, -1); midnight <= TO + DAY; midnight += 7 * DAY)
    times.push(ZONES[zone]!(midnight, new Date(midnight).getUTCFullYear()));
  return times.filter((time) => time > FROM && time <= TO);
}

/** Midnight UTC of each month's last day that is no Saturday or Sunday. */
function lastWeekdays(): readonly number[] {
  const times: number[] = [];
  for (let month = 0; month < 120; month++) {
    let day = Date.UTC(2026, month + 1, 0);
    while ([0, 6].includes(new Date(day).getUTCDay())) day -= DAY;
    times.push(day);
  }
  return times;
}

const CASES = [
  ...Object.keys(ZONES).map((timezone, index) => ({
    name: `sundays-${index}`,
    scheduleExpression: 'cron(30 2 ? * SUN *)',
    timezone,
    expected: sundays(timezone),
  })),
  { name: 'months', scheduleExpression: 'cron(0 0 LW * ? *)', timezone: 'UTC', expected: lastWeekdays() },
  {
    name: 'rates',
    scheduleExpression: 'rate(13 days)',
    timezone: undefined,
    expected: Array.from({ length: 280 }, (_, index) => FROM + (index + 1) * 13 * DAY),
  },
];

/** Numbers between 0 and 1 that are the same in each run. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Runs a scheduler until it ends, or is killed after so many looks. Returns the time that it came to. */
async function simulate(dataDirectory: string, from: number, looks: number): Promise<number | undefined> {
  const child = spawn(process.execPath, [CHILD, dataDirectory, String(from), String(TO)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  let lines = 0;
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
    lines += data.toString().split('\n').length - 1;
    if (lines >= looks) child.kill('SIGKILL');
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (signal === null) {
    assert.equal(code, 0);
    return undefined;
  }
  const times = output.split('\n').slice(0, -1);
  return Number(times.at(-1) ?? from);
}

test('ten years, killed at random: each due time is run or made up for once, none is lost', async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'ingot-ten-years-'));
  try {
    const catalog = await openCatalog(dataDirectory);
    const arnOf = (name: string): string => `arn:aws:imagebuilder:eu-west-1:123456789012:image-pipeline/${name}`;
    for (const { name, scheduleExpression, timezone } of CASES) {
      const pipeline: StoredPipeline = {
        arn: arnOf(name),
        name,
        imageRecipeArn: 'arn:aws:imagebuilder:eu-west-1:123456789012:image-recipe/none/1.0.0',
        infrastructureConfigurationArn: 'arn:aws:imagebuilder:eu-west-1:123456789012:infrastructure-configuration/none',
        status: 'ENABLED',
        schedule: { scheduleExpression, timezone, pipelineExecutionStartCondition: 'EXPRESSION_MATCH_ONLY' },
        dateCreated: new Date(FROM).toISOString(),
      };
      await catalog.transaction(async (trx) => {
        await insertPipeline(trx, PLACE, pipeline);
        await schedulePipeline(trx, pipeline, FROM);
      });
    }
    const random = chance(20_261_130);
    let now: number | undefined = FROM;
    let kills = 0;
    while (now !== undefined) {
      const looks = kills < KILLS ? 1 + Math.floor(random() * 120) : Infinity;
      const ended: number | undefined = await simulate(dataDirectory, now, looks);
      if (ended !== undefined) kills++;
      // Down for up to forty days.
      now = ended === undefined ? undefined : ended + Math.floor(random() * 40 * DAY);
    }
    assert.ok(kills >= KILLS / 2, `${kills} kills`);
    for (const { name, expected } of CASES) {
      const runs = (await runsOfPipeline(catalog.db, arnOf(name), 100_000)).toReversed();
      assert.ok(runs.every(({ outcome, image_arn }) => outcome === 'started' && image_arn !== null));
      const covered = runs.flatMap(({ due, because }) => {
        const first = Date.parse(due!);
        const [, count, last] = /makes up for (\d+) due times, from \S+ to (\S+)\.( |$)/.exec(because) ?? [];
        if (count === undefined) return [first];
        const times = expected.filter((time) => time >= first && time <= Date.parse(last!));
        assert.equal(times.length, Number(count), because);
        return times;
      });
      const shown = (times: readonly number[]) => times.map((time) => new Date(time).toISOString());
      const until = Math.max(...covered);
      assert.deepEqual(shown(covered), shown(expected.filter((time) => time <= until)), name);
      // The last is the last before the end, or nothing looked any more.
      assert.ok(TO - until < 45 * DAY, name);
    }
    await catalog.close();
  } finally {
    await rm(dataDirectory, { recursive: true, force: true });
  }
});
