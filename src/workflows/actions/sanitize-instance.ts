/** `SanitizeInstance`: removes everything that belongs to one machine from the disk before it becomes an image. */
import { newUuid } from '../../platform/ids.ts';
import { limited } from '../../instances/output.ts';
import { lineSplitter, LineTail, LogLimit, type LineSplitter } from '../../guest/lines.ts';
import { sanitizeCommand } from '../../guest/sanitize.ts';
import { workInstance } from '../machines/instances.ts';
import { StepError } from '../errors.ts';
import type { StepAction, StepNeeds } from './action.ts';

/** Maximum output of the clean-up in bytes, including the programs that it runs (apt-get, cloud-init). */
const CLEAN_UP_BYTES = 64 << 20;

export const sanitizeInstance: StepAction = {
  name: 'SanitizeInstance',
  effect: 'machine',
  async run({
    plan: { workingDirectory },
    progress,
    inputs,
    report,
    signal,
    timeoutSeconds,
  }: StepNeeds<'workingDirectory', 'instances'>) {
    const entry = workInstance(progress, inputs['instanceId']);
    const { instance } = entry;
    const tail = new LineTail(20);
    const logged = new LogLimit();
    const splitterOf = (stream: 'stdout' | 'stderr'): LineSplitter =>
      lineSplitter((line) => {
        tail.add(line);
        if (logged.admits(line)) report({ type: 'output', stream, text: line });
      });
    const splitters = { stdout: splitterOf('stdout'), stderr: splitterOf('stderr') };
    const result = await instance.run(
      limited(
        {
          argv: sanitizeCommand(workingDirectory),
          timeoutSeconds,
          signal,
          onOutput: (stream, chunk) => splitters[stream].add(chunk),
        },
        CLEAN_UP_BYTES,
        'the clean-up of the instance',
      ),
    );
    for (const splitter of Object.values(splitters)) splitter.end();
    if (result.exitCode !== 0)
      throw new StepError(
        'the clean-up of the instance failed with ' +
          `${result.timedOut ? 'a time-out' : `exit code ${result.exitCode ?? result.signal}`}: ` +
          `${tail.lines().slice(-3).join(' | ')}`,
      );
    entry.sanitized = true;
    return { status: 'Success', output: tail.lines().join('\n'), runCommandId: newUuid() };
  },
  async finished() {
    return { status: 'Success', output: 'the disk was cleaned before', runCommandId: newUuid() };
  },
};
