/**
 * References to secrets: `{{ resolve:secretsmanager:NAME }}` and similar, in the form of CloudFormation's dynamic
 * references. Pure.
 *
 * - `resolve:secretsmanager:NAME[:SecretString[:KEY[:STAGE[:VERSION-ID]]]]`; NAME may be an ARN
 * - `resolve:ssm-secure:NAME[:VERSION]`, `resolve:ssm:NAME[:VERSION]`
 */
import { readStoreArn } from '../../resources/store-arns.ts';
import { nearestWord } from '../nearest.ts';

/** The services that store secrets. */
export const SECRET_SERVICES = ['secretsmanager', 'ssm-secure', 'ssm'] as const;
/** The service that stores a secret. A value of `ssm` is a plain setting, not a secret. */
type SecretService = (typeof SECRET_SERVICES)[number];

/** A secret that a document names. */
export interface SecretReference {
  readonly kind: 'secret';
  /** As written, braces included. */
  readonly text: string;
  readonly service: SecretService;
  /** A name, a path or an ARN. */
  readonly name: string;
  /** The member of a secret that is a JSON object. */
  readonly key?: string;
  /** For secretsmanager: the staging label, such as `AWSPREVIOUS`. */
  readonly stage?: string;
  /** For secretsmanager the version's id, for ssm its number. */
  readonly version?: string;
}

/** Braces that begin like a reference to a secret but are invalid. */
export interface BrokenSecretReference {
  readonly kind: 'broken-secret';
  readonly text: string;
  /** The fault, as a sentence. */
  readonly problem: string;
}

const PREFIX = 'resolve:';
// Names reach programs as arguments, so they must not begin like an option.
const NAME = /^[A-Za-z0-9/_][A-Za-z0-9/_+=.@-]{0,511}$/;

/** Parses the text inside a pair of braces; `undefined` if it is not a reference to a secret. */
export function readSecretReference(text: string, inside: string): SecretReference | BrokenSecretReference | undefined {
  if (!inside.startsWith(PREFIX)) return undefined;
  const broken = (problem: string): BrokenSecretReference => ({ kind: 'broken-secret', text, problem });
  const [, service = '', rest = ''] = /^([^:]*):?(.*)$/s.exec(inside.slice(PREFIX.length))!;
  if (!isService(service)) {
    const near = nearestWord(service, SECRET_SERVICES);
    return broken(
      `'${service}' is not a service for secrets: expected ${SECRET_SERVICES.join(', ')}.` +
        (near === undefined ? '' : ` Did you mean '${near}'?`),
    );
  }
  const arn = readStoreArn(rest)?.arn;
  const name = arn ?? rest.split(':')[0]!;
  const more = rest.slice(name.length);
  if (arn === undefined && !NAME.test(name))
    return broken(`'resolve:${service}:' must be followed by a name of letters, digits and /_+=.@-, or an ARN.`);
  if (more !== '' && !more.startsWith(':'))
    return broken(`the name '${name}' is followed by '${more}'; only ':' may follow it.`);
  const parts = more === '' ? [] : more.slice(1).split(':');
  const known = { kind: 'secret', text, service, name } as const;
  if (service !== 'secretsmanager') {
    const [version, ...others] = parts;
    if (others.length > 0 || (version !== undefined && !/^\d+$/.test(version)))
      return broken(`the name of a parameter may be followed by the number of its version, not by '${more}'.`);
    return version === undefined ? known : { ...known, version };
  }
  const [what = 'SecretString', key = '', stage = '', version = '', ...others] = parts;
  if (what !== 'SecretString' && what !== '')
    return broken(`'SecretString' was expected after the name, not '${what}'.`);
  if (others.length > 0) return broken('it has more parts than SecretString, key, stage and version.');
  if (stage !== '' && version !== '') return broken('a stage and a version exclude each other.');
  return {
    ...known,
    ...(key === '' ? {} : { key }),
    ...(stage === '' ? {} : { stage }),
    ...(version === '' ? {} : { version }),
  };
}

function isService(text: string): text is SecretService {
  return (SECRET_SERVICES as readonly string[]).includes(text);
}
