/** A program on this host, which reads the event on its standard input. No shell is involved. */
import { ProcessError, run } from '../../platform/processes.ts';
import { DeliveryError, type ReceiverType } from '../receiver.ts';

/** Bytes that it may print. */
const MOST_OUTPUT = 1 << 20;
/** Exit code of a program that will never take this event, as sysexits.h has it. */
const EX_DATAERR = 65;

export const command: ReceiverType = {
  settings: { command: { type: 'texts', help: 'Program and arguments. It reads the event on its standard input.' } },
  check: (read) => read.texts('command', { required: true }),
  async deliver(settings, { event, body, attempt }, signal) {
    const argv = settings['command'];
    try {
      await run(Array.isArray(argv) ? argv.map(String) : [String(argv as string)], {
        input: body,
        // The user's own program, as providers of secrets are.
        inherit: 'all',
        env: { INGOT_EVENT_ID: event.id, INGOT_EVENT_ATTEMPT: String(attempt) },
        cwd: '/',
        maxOutput: MOST_OUTPUT,
        signal,
      });
      return 'exit code 0';
    } catch (error) {
      if (!(error instanceof ProcessError)) throw error;
      throw new DeliveryError(error.message, error.code === EX_DATAERR ? 'permanent' : 'passing');
    }
  },
};
