/** Work that was interrupted: where it goes on, or that it begins again. */
import { amisOfImage, pendingAmis, updateAmi } from '../../catalog/amis.ts';
import type { Catalog, Queryable } from '../../catalog/catalog.ts';
import { closeExecutions, stepExecutionsOfImage } from '../../catalog/executions.ts';
import { imageTask } from '../../catalog/image-task.ts';
import { startOver } from '../../catalog/try-again.ts';
import { withdrawAmi } from '../../distribution/withdraw.ts';
import type { LayerStore } from '../../images/layer-store.ts';
import type { Report } from '../../resources/progress.ts';
import type { SavedWork } from '../machines/saved-work.ts';

const STAGE_NAMES: Readonly<Record<string, string>> = {
  BUILD: 'build',
  TEST: 'test',
  DISTRIBUTION: 'distribution',
};

/** Where work goes on, in words: `the step ApplyBuildComponents of the build stage, after 2 components`. */
export async function whereItGoesOn(db: Queryable, arn: string, { point, instances }: SavedWork): Promise<string> {
  const steps = await stepExecutionsOfImage(db, arn);
  const running = steps.filter(({ status, type }) => status === 'RUNNING' && type === point.stage);
  const finished = steps.filter(({ status, type }) => status === 'COMPLETED' && type === point.stage);
  const stage = `the ${STAGE_NAMES[point.stage]} stage`;
  if (running.length > 0) {
    const names = running.map(({ name }) => `the step ${name}`).join(' and ');
    const components = Math.max(0, ...instances.map(({ componentsDone }) => componentsDone));
    const done =
      point.stage === 'BUILD' && running.some(({ action }) => action === 'ExecuteComponents') && components > 0
        ? `, after ${components} ${components === 1 ? 'component' : 'components'}`
        : '';
    return `${names} of ${stage}${done}`;
  }
  const last = finished.at(-1);
  return last === undefined ? `the beginning of ${stage}` : `the step ${last.name} of ${stage}, which is finished`;
}

/** Makes an image of whose work nothing is finished wait for its turn again. */
export async function beginAgain(
  { catalog, layers }: { readonly catalog: Catalog; readonly layers: LayerStore },
  {
    arn,
    report,
    reason,
    alone,
  }: { readonly arn: string; readonly report: Report; readonly reason: string; readonly alone: boolean },
): Promise<void> {
  await layers.release(arn);
  const task = await imageTask(catalog.db, arn);
  for (const ami of [...(await amisOfImage(catalog.db, arn)), ...(await pendingAmis(catalog.db, arn))]) {
    // What is tried again needs what was made before.
    if (task?.kind === 'retry' && task.stage !== 'BUILD') await updateAmi(catalog.db, ami.id, { state: 'failed' });
    else await withdrawAmi(catalog, layers, ami, { keepReusable: true });
  }
  const text = `${reason} Nothing of its work was finished, so it begins again`;
  await closeExecutions(catalog.db, arn, 'FAILED', reason);
  report({ type: 'log', level: 'warn', text: `${text}${alone ? ', with no other image beside it' : ''}.` });
  await catalog.transaction((trx) => startOver(trx, arn, { reason, alone }));
}
