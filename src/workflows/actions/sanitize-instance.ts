/** `SanitizeInstance`: takes what belongs to one machine out of the disk before it becomes an image. */
import { newUuid } from '../../platform/ids.ts';
import { lineSplitter, LineTail, type LineSplitter } from '../../runner/lines.ts';
import { sanitizeScript } from '../../runner/sanitize.ts';
import { workingDirectoryOf } from '../build-plan.ts';
import { workInstance } from '../instances.ts';
import { StepError } from '../image-work.ts';
import type { StepAction } from './action.ts';

export const sanitizeInstance: StepAction = {
  name: 'SanitizeInstance',
  async run({ work, inputs, report, signal, timeoutSeconds }) {
    const { instance } = workInstance(work, inputs['instanceId']);
    const workingDirectory = workingDirectoryOf(work);
    const tail = new LineTail(20);
    const splitterOf = (stream: 'stdout' | 'stderr'): LineSplitter => lineSplitter((line) => {
      tail.add(line);
      report({ type: 'output', stream, text: line });
    });
    const splitters = { stdout: splitterOf('stdout'), stderr: splitterOf('stderr') };
    const result = await instance.run({
      script: sanitizeScript(workingDirectory),
      timeoutSeconds,
      signal,
      onOutput: (stream, chunk) => splitters[stream].add(chunk),
    });
    for (const splitter of Object.values(splitters)) splitter.end();
    if (result.exitCode !== 0) throw new StepError(`the clean-up of the instance failed with ${result.timedOut ? 'a time-out' : `exit code ${result.exitCode ?? result.signal}`}: ${tail.lines().slice(-3).join(' | ')}`);
    return { status: 'Success', output: tail.lines().join('\n'), runCommandId: newUuid() };
  },
};
