/**
 * Decides where a component runs: in a system container unless it needs a virtual machine, either by a rule on its
 * document, or by one retry after an output that is in a documented list. `docs/drivers.md` describes it for users.
 */
import type { MachineNeed } from '../../documents/component/machine-rule.ts';
import type { SealedLayer } from '../../images/layer-store.ts';
import { driverNamed, missingByDriver } from '../../instances/launch.ts';
import { containerRefusal, type ContainerRefusal } from './container-refusals.ts';
import type { DocumentFailure, DocumentOutcome } from '../../runner/outcome.ts';
import type { PlannedComponent } from '../planning/image-plan.ts';
import { chooseTestDriver, type DriverChoice } from '../planning/choose-driver.ts';
import type { StepControl, WorkInstance } from './image-progress.ts';
import { StepError } from '../errors.ts';
import { moveToDriver, type Launching } from './instances.ts';

/**
 * Kinds of driver whose layer of a component a build may reuse: the one it would run on, and the one a retry would have
 * used.
 */
export function driversFor(planned: PlannedComponent, choice: DriverChoice, parent: SealedLayer): readonly string[] {
  if (driverNamed(choice.driver).capabilities.kernel) return [choice.driver];
  if (parent.foreignId !== undefined) return ['qemu'];
  return need(planned, parent) === undefined ? [choice.driver, 'qemu'] : ['qemu'];
}

/**
 * Moves an instance to where a component must run: to a virtual machine by rule, or back to a container after a
 * component that needed one.
 * @throws {Error} if the component needs a virtual machine and this host cannot run any
 */
export async function placeFor(
  work: Launching,
  entry: WorkInstance,
  planned: PlannedComponent,
  { report, signal }: StepControl,
): Promise<void> {
  const container = !driverNamed(entry.preferred.driver).capabilities.kernel;
  if (!container) return;
  const needed = need(planned, entry.parent);
  if (needed === undefined && entry.parent.foreignId !== undefined) {
    const why = `${entry.parent.foreignId}, which a container does not have`;
    report({
      type: 'log',
      text: `${planned.component.name} runs in a virtual machine, because on its disk ${why} (rule ids)`,
    });
    if (entry.instance.capabilities.kernel) return;
    const prefix = `${planned.component.name} needs a virtual machine, because on its disk ${why}; but `;
    await moveToDriver(work, entry, await machine('rule ids', prefix), { report, signal });
    return;
  }
  if (needed === undefined) {
    if (entry.driver === entry.preferred.driver) return;
    await moveToDriver(
      work,
      entry,
      {
        driver: entry.preferred.driver,
        reason: `back from the virtual machine, which ${planned.component.name} does not need`,
      },
      { report, signal },
    );
    return;
  }
  const { line, column } = needed.position;
  report({
    type: 'log',
    text:
      `${planned.component.name} runs in a virtual machine, because ${needed.reason} (line ${line}, column ` +
      `${column}, rule ${needed.rule})`,
  });
  if (entry.instance.capabilities.kernel) return;
  await moveToDriver(
    work,
    entry,
    await machine(
      `rule ${needed.rule}`,
      `${planned.component.name} needs a virtual machine, because ${needed.reason}; but `,
    ),
    { report, signal },
  );
}

/**
 * After a failure in a container that a virtual machine may avoid, moves to a virtual machine, from the layer before
 * the component. The caller then runs the component once more. A failure that its step ignores counts too: otherwise
 * the image would silently lack what the container refused.
 * @returns the refusal, or `undefined` if the outcome is final
 */
export async function retryInMachine(
  work: Launching,
  entry: WorkInstance,
  planned: PlannedComponent,
  outcome: DocumentOutcome,
  { report, signal }: StepControl,
): Promise<ContainerRefusal | undefined> {
  if (outcome.failure?.instanceLost || entry.instance.capabilities.kernel) return undefined;
  const found = firstRefusal([...(outcome.failure === undefined ? [] : [outcome.failure]), ...outcome.ignored]);
  if (found === undefined) return undefined;
  const { failure, refused } = found;
  const ended = failure === outcome.failure ? 'failed' : 'failed, which its step ignores,';
  report({
    type: 'log',
    level: 'warn',
    text:
      `${planned.component.name} ${ended} in the container at phase '${failure.phase}', step '${failure.step}' ` +
      `(${failure.message}), because ${refused.refusal}: '${refused.line}'. It is tried once more in a virtual ` +
      'machine, from the layer before it',
  });
  let choice;
  try {
    choice = await machine(`the container refused: ${refused.line}`, '');
  } catch (error) {
    report({ type: 'log', level: 'error', text: `cannot retry: ${(error as Error).message}` });
    return undefined;
  }
  await moveToDriver(work, entry, choice, { report, signal });
  return refused;
}

/**
 * After a component that left ids which a container does not have: in a container their files belong to somebody else,
 * though every command succeeded. Moves to a machine, from the layer before it; the caller runs the component again.
 * @param what shows it: a clause from `prepareForLayer`
 * @throws {StepError} if this host has no machine: the image would be another one than its components say
 */
export async function repeatInMachine(
  work: Launching,
  entry: WorkInstance,
  { component: { name } }: PlannedComponent,
  what: string,
  { report, signal }: StepControl,
): Promise<void> {
  report({
    type: 'log',
    level: 'warn',
    text:
      `after ${name} ${what}, which a container does not have, so its files belong to others there. It runs once ` +
      'more in a virtual machine, from the layer before it (rule ids)',
  });
  const choice = await machine('rule ids', `after ${name} ${what}, which needs a virtual machine; but `).catch(
    (error: unknown) => {
      throw new StepError((error as Error).message, { cause: error });
    },
  );
  await moveToDriver(work, entry, choice, { report, signal });
}

function firstRefusal(
  failures: readonly DocumentFailure[],
): { readonly failure: DocumentFailure; readonly refused: ContainerRefusal } | undefined {
  for (const failure of failures) {
    const refused = containerRefusal([...failure.outputTail, ...(failure.journal?.lines ?? [])], failure);
    if (refused !== undefined) return { failure, refused };
  }
  return undefined;
}

function need({ machine }: PlannedComponent, parent: SealedLayer): MachineNeed | undefined {
  return parent.origin === 'made' ? machine.madeHere : machine.foreign;
}

async function machine(reason: string, prefix: string): Promise<DriverChoice> {
  try {
    return { ...chooseTestDriver(await missingByDriver()), reason };
  } catch (error) {
    throw new Error(`${prefix}${(error as Error).message}`, { cause: error });
  }
}
