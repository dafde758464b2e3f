/** Runs commands with streams in a container: shells and copies. */
import { sleep } from '../../platform/clock.ts';
import { newUuid } from '../../platform/ids.ts';
import { patient } from '../../platform/patience.ts';
import { start } from '../../platform/processes.ts';
import { InstanceError, type StreamedCommand, type StreamRequest } from '../instance.ts';
import { atTheDoor, enter, environmentInside } from '../nspawn/door.ts';
import { markedStreams, openStreamPipes } from '../stream-pipes.ts';
import { HANG_UP, markedCommand } from '../streams.ts';
import { forget, type CommandPlace } from './commands.ts';

/** How long to wait for a command after its user has disconnected, in milliseconds. */
const HANG_UP_MS = 5000;
/** In memory, so that nothing of it stays on the disk. */
const FILES = '/dev/shm';

/** Starts a command. Processes that it leaves running continue until the container ends. See `Instance.open`. */
export async function openHere(place: CommandPlace, request: StreamRequest): Promise<StreamedCommand> {
  const id = newUuid();
  const files = `${FILES}/ingot-${id}`;
  const pipes = await openStreamPipes(place.directory, `ingot-${id}`);
  const entered = enter(place.door, markedCommand(request.argv, { id, files, cwd: request.cwd ?? '/' }));
  let over = false;
  try {
    const child = await start(entered.command, {
      env: environmentInside({ ...place.environment, HOME: '/root', TMPDIR: undefined, ...request.env }),
      stdio: [...pipes.childEnds],
      detached: true,
    });
    const { stdout, stderr, ended } = markedStreams(pipes, {
      id,
      exited: child.exited,
      lost: async () =>
        place.alive() ? new InstanceError('the command was killed, or ended without a result') : place.whatHappened(),
    });
    return {
      files,
      stdin: pipes.stdin,
      stdout,
      stderr,
      ended: ended.finally(() => {
        over = true;
        void child.exited.then(() => forget(entered.cgroup));
      }),
      async hangUp() {
        if (over) return;
        await atTheDoor(place.door, ['/bin/sh', '-c', HANG_UP, 'sh', files], { okCodes: 'any' }).catch(() => {});
        for (let waited = 0; waited < patient(HANG_UP_MS) && !over; waited += 50) await sleep(50);
        if (!over) entered.leave();
      },
    };
  } catch (error) {
    pipes.abandon();
    entered.leave();
    throw error;
  } finally {
    pipes.started();
  }
}
