/** Assert: fails if a condition is false. Source: reference, `awstoe.md` sections 4 and 6. */
import { conditionOutcome } from '../kit/condition-probe.ts';
import type { ActionModule } from '../module.ts';

export const assertModule: ActionModule = {
  name: 'Assert',
  platforms: ['Linux', 'Windows', 'macOS'],
  async attempt(context) {
    const outcome = await conditionOutcome(context, context.inputs);
    context.log(outcome.explanation);
    return outcome.holds
      ? { result: 'success' }
      : { result: 'failed', message: `the assertion does not hold: ${outcome.explanation}` };
  },
};
