/** What a test instance knows when a test fails, kept in the image's log: its journal and its serial console. */
import { lineSplitter } from '../../guest/lines.ts';
import type { Instance } from '../../instances/instance.ts';
import { limited } from '../../instances/output.ts';
import type { Report } from '../../resources/progress.ts';

/** Lines of each that are kept. */
const LINES = 1000;
/** Maximum bytes of the journal that are read. */
const MOST_BYTES = 8 << 20;
const ASK_SECONDS = 60;

/**
 * Writes the journal since the boot and the end of the serial console to the log, at level debug (`ingot logs
 * --debug`). An instance that does not answer any more has its console only.
 */
export async function keepEvidence(instance: Instance, report: Report, signal: AbortSignal): Promise<void> {
  const tell = (text: string): void => report({ type: 'output', stream: 'console', level: 'debug', text });
  const splitter = lineSplitter(tell);
  tell(`The journal of ${instance.id}, at most ${LINES} lines:`);
  try {
    const { exitCode } = await instance.run(
      limited(
        {
          argv: ['journalctl', '--boot', '--no-pager', '--quiet', '--output=short-iso', `--lines=${LINES}`],
          timeoutSeconds: ASK_SECONDS,
          signal,
          onOutput: (_stream, chunk) => splitter.add(chunk),
        },
        MOST_BYTES,
        'journalctl',
      ),
    );
    splitter.end();
    if (exitCode !== 0) tell(`journalctl ended with exit code ${exitCode}`);
  } catch (error) {
    signal.throwIfAborted();
    tell(`the journal could not be read: ${(error as Error).message}`);
  }
  const console = await instance.consoleTail(LINES).catch(() => []);
  tell(`The serial console of ${instance.id}, at most ${LINES} lines:`);
  for (const line of console) tell(line);
}
