/**
 * CloudWatch Logs over an image's log of a gigabyte: the first page of `FilterLogEvents`, from the beginning, from a
 * time in the middle and with a pattern that matches nothing; and how long a line takes from its writer to a reader,
 * by `GetLogEvents` and by `StartLiveTail`.
 *   node bench/logs.ts [--megabytes 1024] [--runs 20] [--lines 200]
 */
import { closeSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import { loadavg } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import {
  CloudWatchLogsClient,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  StartLiveTailCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { CreateImageCommand } from '@aws-sdk/client-imagebuilder';
import { imageLogPath, openImageLog } from '../src/catalog/image-log.ts';
import { nameImageLog } from '../src/catalog/log-groups.ts';
import { sleep } from '../src/platform/clock.ts';
import { makersOf } from '../test/api/makers.ts';
import { ACCOUNT, REGION, startApi } from '../test/api/server.ts';

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '1024' },
    runs: { type: 'string', default: '20' },
    lines: { type: 'string', default: '200' },
  },
});
const [megabytes, runs, lines] = [Number(values.megabytes), Number(values.runs), Number(values.lines)];
const BEGIN = Date.parse('2026-01-01T00:00:00Z');

function quantile(given: readonly number[], part: number): string {
  const sorted = given.toSorted((a, b) => a - b);
  return `${sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!.toFixed(1)} ms`;
}

const api = await startApi();
try {
  const place = { account: ACCOUNT, region: REGION };
  const arn = (name: string): string => `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:image/${name}/1.0.0/1`;
  await nameImageLog(api.catalog.db, place, {
    arn: arn('big'),
    name: 'big',
    version: '1.0.0/1',
    logGroupName: undefined,
  });
  const make = makersOf(() => api);
  const { imageRecipeArn } = await make.recipe('live');
  const infrastructureConfigurationArn = await make.infrastructure();
  await api.client.send(new CreateImageCommand({ imageRecipeArn, infrastructureConfigurationArn }));
  const path = imageLogPath(api.services.dataDirectory, arn('big'));
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'w');
  let count = 0;
  for (let bytes = 0; bytes < megabytes * 1024 * 1024; ) {
    let text = '';
    for (let line = 0; line < 5000; line++, count++)
      text +=
        `{"v":1,"time":"${new Date(BEGIN + count * 10).toISOString()}","image":"${arn('big')}","level":"info",` +
        `"workflow":"build-image","step":"ApplyBuildComponents","component":"web","phase":"build","documentStep":` +
        `"Install","type":"output","stream":"stdout","text":"Get:${count} http://deb.debian.org/debian amd64"}\n`;
    bytes += writeSync(file, text);
  }
  closeSync(file);
  const { credentials } = api.connectionOf('same');
  const client = new CloudWatchLogsClient({
    endpoint: api.endpoint,
    region: REGION,
    credentials,
    disableHostPrefix: true,
  });
  const group = (name: string) => ({ logGroupName: `/aws/imagebuilder/${name}` });
  process.stdout.write(`${count} lines, ${Math.round(statSync(path).size / 1e6)} MB, load ${loadavg()[0]}\n`);
  const middle = BEGIN + count * 5;
  const cases = {
    'from the beginning, 10,000 events': {},
    'from the beginning, 100 events': { limit: 100 },
    'from the middle, 100 events': { startTime: middle, limit: 100 },
    'the last second': { startTime: BEGIN + count * 10 - 1000 },
    'a pattern that matches nothing': { filterPattern: 'nowhere' },
    'a JSON pattern': { filterPattern: '{ $.stream = "stdout" }', limit: 100 },
  };
  for (const [name, input] of Object.entries(cases)) {
    const times: number[] = [];
    let events = 0;
    for (let each = 0; each < runs; each++) {
      const started = performance.now();
      events = (await client.send(new FilterLogEventsCommand({ ...group('big'), ...input }))).events!.length;
      times.push(performance.now() - started);
    }
    process.stdout.write(
      `first page, ${name}: median ${quantile(times, 0.5)}, 90% ${quantile(times, 0.9)}, ${events} events\n`,
    );
  }
  const log = openImageLog(api.services.dataDirectory, arn('live'));
  const lags: number[] = [];
  let token: string | undefined;
  log.report({ type: 'log', text: 'first' });
  for (let line = 0; line < lines; line++) {
    const reading = (async () => {
      for (;;) {
        const page = await client.send(
          new GetLogEventsCommand({
            ...group('live'),
            logStreamName: '1.0.0/1',
            startFromHead: true,
            ...(token === undefined ? {} : { nextToken: token }),
          }),
        );
        token = page.nextForwardToken;
        const event = page.events!.find(({ message }) => message!.endsWith(` ${line}.`));
        if (event !== undefined) return lags.push(Date.now() - event.timestamp!);
        await sleep(100);
      }
    })();
    await sleep(20 + Math.random() * 60);
    log.report({ type: 'log', text: `line ${line}.` });
    await reading;
  }
  process.stdout.write(`a line to a reader that asks every 100 ms: median ${quantile(lags, 0.5)}, 99th percentile `);
  process.stdout.write(`${quantile(lags, 0.99)}\n`);

  const tailed: number[] = [];
  const abort = new AbortController();
  const { responseStream } = await client.send(
    new StartLiveTailCommand({ logGroupIdentifiers: [group('live').logGroupName] }),
    { abortSignal: abort.signal },
  );
  const writing = (async () => {
    for (let line = 0; line < lines; line++) {
      await sleep(20 + Math.random() * 60);
      log.report({ type: 'log', text: `tailed ${line}.` });
    }
  })();
  for await (const { sessionUpdate } of responseStream!) {
    for (const { timestamp } of sessionUpdate?.sessionResults ?? []) tailed.push(Date.now() - timestamp!);
    if (tailed.length >= lines) break;
  }
  abort.abort();
  await writing;
  log.close();
  process.stdout.write(`a line to a Live Tail: median ${quantile(tailed, 0.5)}, 99th percentile `);
  process.stdout.write(`${quantile(tailed, 0.99)}\n`);
} finally {
  await api.close();
}
