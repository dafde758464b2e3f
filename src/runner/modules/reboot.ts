/** Reboot: restarts the machine, then the next step runs. Source: reference, `awstoe.md` sections 6 and 7. */
import { mapOf, wholeNumber } from '../kit/inputs.ts';
import type { ActionModule } from '../module.ts';

export const reboot: ActionModule = {
  name: 'Reboot',
  platforms: ['Linux', 'Windows'],
  async attempt(context) {
    const delay = wholeNumber(mapOf(context.inputs), 'delaySeconds', 0);
    if (delay > 0) {
      context.log(`restarts in ${delay} s`);
      await context.pause(delay);
    }
    return { result: 'reboot', resume: 'next-step' };
  },
};
