/** Session tokens. Each contains its whole session, sealed, so that no session has to be stored. */
import type { Sealer } from '../../platform/sealing.ts';

/** The content of a session. */
export interface SessionFacts {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly roleArn: string;
  /** Id of the role when the session began. */
  readonly roleId: string;
  readonly sessionName: string;
  /** Milliseconds since 1970. */
  readonly issued: number;
  /** Milliseconds since 1970. */
  readonly expires: number;
  /** Session policy, as JSON. */
  readonly policy?: string;
  /** Session tags. */
  readonly tags: Readonly<Record<string, string>>;
  /** Keys of session tags that are passed on to sessions assumed from this one. */
  readonly transitiveTagKeys?: readonly string[];
  readonly sourceIdentity?: string;
  /** Identity provider that authenticated the caller of AssumeRole. */
  readonly federatedProvider?: string;
}

const USE = 'session token';

/** Makes the token of a session. */
export function sealSessionToken(sealer: Sealer, facts: SessionFacts): string {
  return sealer.seal(JSON.stringify(facts), USE);
}

/** Opens a token. Returns `undefined` if this server did not issue it. */
export function openSessionToken(sealer: Sealer, token: string): SessionFacts | undefined {
  const text = sealer.open(token, USE);
  return text === undefined ? undefined : (JSON.parse(text) as SessionFacts);
}
