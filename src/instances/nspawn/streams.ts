/** Runs commands with streams in a container, through named pipes that systemd-run passes on. */
import { readScript } from '../../platform/scripts.ts';
import { sleep } from '../../platform/clock.ts';
import { newUuid } from '../../platform/ids.ts';
import { patient } from '../../platform/patience.ts';
import { NOTHING_INHERITED, start } from '../../platform/processes.ts';
import { InstanceError, type StreamedCommand, type StreamRequest } from '../instance.ts';
import { markedStreams, openStreamPipes } from '../stream-pipes.ts';
import { HANG_UP, markedCommand } from '../streams.ts';
import { unitLines } from '../unit-words.ts';
import { commandWords, INSIDE_DIRECTORY, unitArguments, wordsFile } from './arguments.ts';
import { atTheDoor, enter, type Container } from './door.ts';
import { killUnit } from './kill.ts';

/** How long to wait for a command after its user has disconnected, in milliseconds. */
const HANG_UP_MS = 5000;
/** How long systemd's client may take to report a command's end, in milliseconds. */
const LOST_MS = 2000;

const PUT_WORDS = readScript(import.meta.url, 'put-words.sh');

/** Starts a command. See `Instance.open`. */
export async function openCommand(container: Container, request: StreamRequest): Promise<StreamedCommand> {
  const id = newUuid();
  const unit = `ingot-${id}`;
  const files = `${INSIDE_DIRECTORY}/${unit}`;
  const pipes = await openStreamPipes(container.directory, unit);
  let ended = false;
  let leave = (): void => {};
  try {
    const words = unitLines(
      commandWords(markedCommand(request.argv, { id, files, cwd: request.cwd ?? '/' }), '/', request.env),
    );
    const entered = enter(container, [
      '/bin/sh',
      '-c',
      PUT_WORDS,
      'sh',
      wordsFile(unit),
      ...unitArguments({ unit, user: 'root' }),
    ]);
    ({ leave } = entered);
    const client = await start(entered.command, {
      env: NOTHING_INHERITED,
      stdio: [...pipes.childEnds, 'pipe'],
      detached: true,
    });
    client.more[0]!.on('error', () => {}); // The reader has ended; the exit code below says how.
    client.more[0]!.end(words);
    const {
      stdout,
      stderr,
      ended: marked,
    } = markedStreams(pipes, {
      id,
      exited: client.exited,
      lost: async () =>
        container.alive()
          ? new InstanceError('the command was killed, or ended without a result')
          : container.whatHappened(),
    });
    const end = marked.finally(() => {
      ended = true;
      void atTheDoor(container, ['rm', '-f', `${files}.status`, `${files}.words`, `${files}.pid`, `${files}.tty`], {
        okCodes: 'any',
      }).catch(() => {});
      // systemd reports the end to its client, unless the client has lost the connection.
      void Promise.race([client.exited, sleep(patient(LOST_MS))]).then(leave);
    });
    return {
      files,
      stdin: pipes.stdin,
      stdout,
      stderr,
      ended: end,
      async hangUp() {
        if (ended) return;
        await atTheDoor(container, ['/bin/sh', '-c', HANG_UP, 'sh', files], { okCodes: 'any' }).catch(() => {});
        for (let waited = 0; waited < patient(HANG_UP_MS) && !ended; waited += 50) await sleep(50);
        if (!ended) await killUnit(container, unit, () => ended);
      },
    };
  } catch (error) {
    pipes.abandon();
    leave();
    if (error instanceof InstanceError || container.alive()) throw error;
    throw await container.whatHappened();
  } finally {
    pipes.started();
  }
}
