/** Session tokens: each contains, sealed, everything about its session, so that no session has to be stored. */
import type { Sealer } from '../../platform/sealing.ts';

/** The content of a session. */
export interface SessionFacts {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly roleArn: string;
  /** Of the role as it was then. */
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
  /** Keys of session tags that sessions which this one assumes have as well. */
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

/** Reads a token. Returns `undefined` if it is not a token of this server. */
export function openSessionToken(sealer: Sealer, token: string): SessionFacts | undefined {
  const text = sealer.open(token, USE);
  return text === undefined ? undefined : (JSON.parse(text) as SessionFacts);
}
