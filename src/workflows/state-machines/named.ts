/** State machines by name: only the operator's configuration says what a name means. */
import { didYouMean } from '../../documents/nearest.ts';
import { shorten } from '../../documents/nodes.ts';
import { isFor, NotGranted } from '../../platform/config/reading.ts';
import type { StateMachine } from '../../platform/config/state-machines.ts';
import { StepError } from '../errors.ts';

/** A state machine and its name. */
interface NamedStateMachine {
  readonly name: string;
  readonly machine: StateMachine;
}

/**
 * What a workflow names.
 * @param reference `arn:aws:states:<region>:<account>:stateMachine:<name>`, with a version or not, or the name alone
 * @throws {StepError} if the configuration has none for this account
 */
export function namedStateMachine(
  machines: Readonly<Record<string, StateMachine>>,
  account: string,
  reference: string,
): NamedStateMachine {
  const name = /^arn:aws[\w-]*:states:[^:]*:[^:]*:stateMachine:([^:]+)/.exec(reference)?.[1] ?? reference;
  const machine = Object.hasOwn(machines, name) ? machines[name] : undefined;
  if (machine !== undefined && isFor(machine.accounts, account)) return { name, machine };
  if (machine !== undefined)
    throw new StepError(
      new NotGranted(`the state machine '${name}'`, account, `stateMachines.${name}.accounts`).message,
    );
  const names = Object.entries(machines).flatMap(([each, { accounts }]) => (isFor(accounts, account) ? [each] : []));
  const registered = names.length === 0 ? '' : `; registered are: ${names.slice(0, 20).join(', ')}`;
  throw new StepError(
    `stateMachineArn: there is no state machine '${shorten(name)}' here.${didYouMean(name, names)} The operator of ` +
      `this server can register it under stateMachines of config.yaml${registered}`,
  );
}
