/** A program on this host that reads the event on standard input. It runs without a shell. */
import { ProcessError, run } from '../../platform/processes.ts';
import { DeliveryError, type ReceiverType } from '../receiver.ts';

/** Maximum bytes of its output. */
const MOST_OUTPUT = 1 << 20;
/** Exit code of a program that will never accept this event, as in sysexits.h. */
const EX_DATAERR = 65;

export const command: ReceiverType = {
  settings: { command: { type: 'texts', help: 'Program and arguments. It reads the event on its standard input.' } },
  check: (read) => read.texts('command', { required: true }),
  async deliver(settings, { event, body, attempt }, signal) {
    const argv = settings['command'];
    try {
      await run(Array.isArray(argv) ? argv.map(String) : [String(argv as string)], {
        input: body,
        // It is the operator's own program, like providers of secrets.
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
