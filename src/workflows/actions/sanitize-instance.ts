/** `SanitizeInstance`: takes what belongs to one machine out of the disk before it becomes an image. */
import { newUuid } from '../../platform/ids.ts';
import { sanitizeScript } from '../../runner/sanitize.ts';
import { workInstance } from '../instances.ts';
import { StepError } from '../image-work.ts';
import type { StepAction } from './action.ts';

export const sanitizeInstance: StepAction = {
  name: 'SanitizeInstance',
  async run({ work, inputs, report, signal, timeoutSeconds }) {
    const { instance } = workInstance(work, inputs['instanceId']);
    const workingDirectory = work.image.imageRecipe?.workingDirectory ?? '/tmp';
    const tail: string[] = [];
    const result = await instance.run({
      script: sanitizeScript(workingDirectory),
      timeoutSeconds,
      signal,
      onOutput(stream, chunk) {
        for (const line of chunk.toString('utf8').split('\n')) {
          if (line.trim() === '') continue;
          tail.push(line);
          if (tail.length > 20) tail.shift();
          report({ type: 'output', stream, text: line });
        }
      },
    });
    if (result.exitCode !== 0) throw new StepError(`the clean-up of the instance failed with ${result.timedOut ? 'a time-out' : `exit code ${result.exitCode ?? result.signal}`}: ${tail.slice(-3).join(' | ')}`);
    return { status: 'Success', output: tail.join('\n'), runCommandId: newUuid() };
  },
};
