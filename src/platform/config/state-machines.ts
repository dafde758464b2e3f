/** `stateMachines` of `config.yaml`: what `ExecuteStateMachine` runs, by name. Pure. */
import { isAbsolute } from 'node:path';
import { accounts, map, section, strings, text } from './reading.ts';

/** What runs when a workflow names a state machine. */
type StateMachineTarget =
  | {
      readonly kind: 'command';
      /** Program and arguments; the program is an absolute path. */
      readonly argv: readonly string[];
    }
  | {
      readonly kind: 'web-hook';
      readonly url: string;
      /** Key of the signature, or a reference to a secret. */
      readonly secret?: string | undefined;
    }
  | {
      readonly kind: 'aws';
      readonly arn: string;
      readonly endpoint?: string | undefined;
      /** Profile of the AWS configuration files. */
      readonly profile?: string | undefined;
    };

/** A registered state machine. */
export type StateMachine = StateMachineTarget & {
  /** Accounts whose workflows may name it; `*` is every account. */
  readonly accounts: readonly string[];
  /** Account of the operator: references to secrets are resolved for it. */
  readonly owner: string;
};

/** A name of Step Functions. */
const NAME = /^[a-zA-Z0-9_-]{1,80}$/;
const ARN = /^arn:aws[\w-]*:states:[a-z0-9-]+:\d{12}:stateMachine:[a-zA-Z0-9_-]{1,80}(?::[a-zA-Z0-9_-]+)?$/;
const ADDRESS = /^https?:\/\/[^\s/?#]+/;

/** Reads the section. @param home the account of state machines that name none */
export function readStateMachines(
  value: unknown,
  faults: string[],
  home: string,
): Readonly<Record<string, StateMachine>> {
  return Object.fromEntries(
    Object.entries(map(value, 'stateMachines', faults)).flatMap(([name, each]) => {
      const place = `stateMachines.${name}`;
      if (!NAME.test(name)) faults.push(`${place}: a name must have 1 to 80 letters, digits, - and _`);
      const given = section(
        each,
        place,
        ['accounts', 'command', 'url', 'secret', 'arn', 'endpoint', 'profile'],
        faults,
      );
      const own = accounts(given['accounts'], `${place}.accounts`, faults, home);
      const target = readTarget(given, place, faults);
      return target === undefined ? [] : [[name, { ...target, accounts: own, owner: home }] as const];
    }),
  );
}

function readTarget(
  given: Readonly<Record<string, unknown>>,
  place: string,
  faults: string[],
): StateMachineTarget | undefined {
  const kinds = ['command', 'url', 'arn'].filter((each) => given[each] !== undefined);
  if (kinds.length !== 1) {
    faults.push(`${place}: must have exactly one of command, url and arn`);
    return undefined;
  }
  const only = (kind: string, members: readonly string[]): void => {
    for (const member of members)
      if (given[member] !== undefined && kinds[0] !== kind) faults.push(`${place}.${member}: only goes with ${kind}`);
  };
  only('url', ['secret']);
  only('arn', ['endpoint', 'profile']);
  if (kinds[0] === 'command') {
    const argv = strings(given['command'], `${place}.command`, faults);
    if (argv[0] === undefined || !isAbsolute(argv[0]))
      faults.push(`${place}.command: must be a list that begins with the absolute path of a program`);
    return { kind: 'command', argv };
  }
  const address = (member: string): string | undefined => {
    const url = text(given[member], `${place}.${member}`, faults);
    if (url !== undefined && !ADDRESS.test(url)) faults.push(`${place}.${member}: must be an address (http or https)`);
    return url;
  };
  if (kinds[0] === 'url')
    return { kind: 'web-hook', url: address('url') ?? '', secret: text(given['secret'], `${place}.secret`, faults) };
  const arn = text(given['arn'], `${place}.arn`, faults) ?? '';
  if (!ARN.test(arn))
    faults.push(`${place}.arn: must be an ARN such as arn:aws:states:us-east-1:123456789012:stateMachine:approve`);
  return {
    kind: 'aws',
    arn,
    endpoint: address('endpoint'),
    profile: text(given['profile'], `${place}.profile`, faults),
  };
}
