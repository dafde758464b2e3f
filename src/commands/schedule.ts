/** `ingot schedule`. */
import type { ToldRun, ToldSchedule } from '../api/ingot/pipelines.ts';
import { signedJson } from '../platform/api-client.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { WrongUse, type Arguments, type Command } from './command.ts';
import { resolveName } from './short-names.ts';
import { plainLine, table, wrap } from './text.ts';

/** Maximum columns of a line. */
const WIDTH = 100;
/** Maximum number of decisions about one pipeline. */
const SHOWN = 10;

export const schedule: Command = {
  usage: 'schedule [OPTIONS] [PIPELINE]',
  about: `
Shows when pipelines run: their schedules in words, the next due times, and the last decision about each.

With PIPELINE (a name or an ARN) it shows the latest decisions: what started each run, and why a due run was skipped,
put off or refused, with what was compared.`,
  options: {
    count: { value: 'COUNT', help: 'show this many decisions of PIPELINE', default: String(SHOWN) },
    json: { help: 'print JSON: a schedule per line, or the schedule and decisions of PIPELINE' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot schedule', 'ingot schedule nginx --count 50'],
  positionals: ['PIPELINE?'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const given = args.positionals[0];
  const count = args.integer('count', 1, 1000);
  if (given === undefined) {
    if (count !== undefined) throw new WrongUse('--count needs a PIPELINE');
    const { schedules } = await signedJson<{ schedules: readonly ToldSchedule[] }>(await connect(args), {
      method: 'GET',
      path: '/ingot/schedules',
    });
    if (args.flag('json')) for (const each of schedules) process.stdout.write(`${JSON.stringify(each)}\n`);
    else process.stdout.write(scheduleTable(schedules));
    return 0;
  }
  const arn = await resolveName(() => connect(args), given, { types: ['image-pipeline'], what: 'pipeline' });
  const answer = await signedJson<{ schedule: ToldSchedule; runs: readonly ToldRun[] }>(await connect(args), {
    method: 'GET',
    path: `/ingot/pipelines/${encodeURIComponent(arn)}/runs`,
    query: { limit: String(count ?? SHOWN) },
  });
  process.stdout.write(args.flag('json') ? `${JSON.stringify(answer)}\n` : pipelineText(answer.schedule, answer.runs));
  return 0;
}

/** All schedules, for people. */
export function scheduleTable(schedules: readonly ToldSchedule[]): string {
  if (schedules.length === 0) return 'no pipelines\n';
  return table([
    ['PIPELINE', 'SCHEDULE', 'NEXT', 'LAST DECISION'],
    ...schedules.map(({ pipeline, words = 'only when it is started', next, status, last, heldBy }) => [
      shortName(pipeline),
      words,
      heldBy === undefined
        ? next === undefined
          ? status === 'DISABLED'
            ? 'disabled'
            : '-'
          : minute(next)
        : `held until ${minute(heldBy.until)}`,
      last === undefined ? '-' : `${last.outcome} ${minute(last.at)} (${last.cause})`,
    ]),
  ]);
}

/** One pipeline for people, with its decisions, newest first. */
export function pipelineText(told: ToldSchedule, runs: readonly ToldRun[]): string {
  const { pipeline, status, words = 'no schedule', next, heldBy, startCondition, consecutiveFailures } = told;
  const head = [
    `${shortName(pipeline)}: ${words}; next: ${nextWords(status, next)}`,
    ...(heldBy === undefined ? [] : [`held by the maintenance window '${heldBy.name}' until ${minute(heldBy.until)}`]),
    ...(startCondition === 'EXPRESSION_MATCH_AND_DEPENDENCY_UPDATES_AVAILABLE'
      ? ['builds only when a parent image or component that is named without its build is newer than in the last build']
      : []),
    ...(consecutiveFailures > 0 ? [`scheduled builds that failed in a row: ${consecutiveFailures}`] : []),
  ];
  const decisions = runs.flatMap(({ at, outcome, cause, by, because, reason, next: again, image }) => [
    '',
    `${minute(at)}  ${outcome}  ${cause}: ${by}`,
    ...sentences(because),
    ...(reason === undefined ? [] : sentences(reason)),
    ...(image === undefined ? [] : [`    image: ${image.replace(/^.*:image\//, '')}`]),
    ...(again === undefined ? [] : [`    asked again: ${minute(again)}`]),
  ]);
  return `${[...head, ...decisions].map(plainLine).join('\n')}\n`;
}

function nextWords(status: string, next: string | undefined): string {
  if (next !== undefined) return minute(next);
  return status === 'DISABLED' ? 'none, it is DISABLED' : 'none';
}

function sentences(text: string): readonly string[] {
  return wrap(text, WIDTH - 4).map((line) => `    ${line}`);
}

function shortName(arn: string): string {
  return arn.replace(/^.*:image-pipeline\//, '');
}

/** `2026-12-06 02:00 UTC`. */
function minute(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
}
