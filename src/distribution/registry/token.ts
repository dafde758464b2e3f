/**
 * Passwords of Ingot's registry. Each holds, sealed, whose it is and until when, so that none is stored: who the caller
 * is and what they may do is looked up at each request.
 */
import type { Sealer } from '../../platform/sealing.ts';

/** What a password says. Times are in milliseconds since 1970. */
export type RegistryToken =
  | {
      readonly kind: 'caller';
      readonly accessKeyId: string;
      /** Of a session. */
      readonly sessionToken?: string | undefined;
      readonly expires: number;
    }
  | {
      readonly kind: 'image';
      /** ARN of the image that is pushed. */
      readonly image: string;
      /** ARN of the only repository that it opens. */
      readonly repository: string;
      readonly expires: number;
    };

/** The user that goes with every password. As AWS. */
export const REGISTRY_USER = 'AWS';

const USE = 'registry token';

/** Makes a password. */
export function sealRegistryToken(sealer: Sealer, token: RegistryToken): string {
  return sealer.seal(JSON.stringify(token), USE);
}

/** Reads a password; `undefined` for one that this server did not make. */
export function openRegistryToken(sealer: Sealer, password: string): RegistryToken | undefined {
  const text = sealer.open(password, USE);
  return text === undefined ? undefined : (JSON.parse(text) as RegistryToken);
}
