/** What `kmsKeyId` may be, and which key it means. */
import type { Queryable } from '../catalog/catalog.ts';
import { getKey, keyOfAlias, type KeyRecord } from '../catalog/keys.ts';

/** The alias of the key that encrypted disks have when no key is named, as on AWS. */
export const DEFAULT_ALIAS = 'alias/aws/ebs';

/** An account and a Region. */
export interface KeyPlace {
  readonly account: string;
  readonly region: string;
}

/** A key that cannot be used. The message is a clause about it, without the field. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ALIAS = /^alias\/[\w/-]{1,250}$/;
const ARN = /^arn:aws[a-z-]*:kms:([a-z0-9-]+):(\d{12}):(key\/.+|alias\/.+)$/;

/** Whether a text can be the name of an alias that users give: `alias/NAME`, not one of AWS's own. */
export function isAlias(name: string): boolean {
  return ALIAS.test(name) && !name.startsWith('alias/aws/');
}

/** ARN of a key. */
export function keyArn({ account, region }: KeyPlace, id: string): string {
  return `arn:aws:kms:${region}:${account}:key/${id}`;
}

/**
 * The key that a reference means, in any state.
 * @param reference ID, ARN, alias, or ARN of an alias
 * @throws {KeyError}
 */
export async function findKey(db: Queryable, reference: string, place: KeyPlace): Promise<KeyRecord> {
  const arn = ARN.exec(reference);
  const name = arn === null ? reference : arn[3]!;
  if (arn === null && !UUID.test(reference) && !ALIAS.test(reference))
    throw new KeyError(`'${reference}' is not a key: expected its ID, its ARN, alias/NAME or the ARN of an alias`);
  if (arn !== null && arn[2] !== place.account)
    throw new KeyError(`the key '${reference}' belongs to account ${arn[2]}, and not to ${place.account}`);
  if (arn !== null && arn[1] !== place.region)
    throw new KeyError(
      `the key '${reference}' is in ${arn[1]}; disks in ${place.region} need a key of ${place.region}`,
    );
  const wanted = name.startsWith('alias/')
    ? await keyOfAlias(db, place, name)
    : keyArn(place, name.replace(/^key\//, ''));
  const key = wanted === undefined ? undefined : await getKey(db, wanted);
  if (key === undefined)
    throw new KeyError(`the key '${reference}' does not exist in ${place.region} for account ${place.account}`);
  return key;
}

/**
 * The key that a reference means, if it can seal and open.
 * @throws {KeyError}
 */
export async function usableKey(db: Queryable, reference: string, place: KeyPlace): Promise<KeyRecord> {
  const key = await findKey(db, reference, place);
  refuseUnusable(key, reference);
  return key;
}

/** @throws {KeyError} for a key that is disabled or will be deleted */
export function refuseUnusable(key: KeyRecord, reference = key.arn): void {
  if (key.state === 'Disabled') throw new KeyError(`the key '${reference}' is disabled`);
  if (key.state === 'PendingDeletion')
    throw new KeyError(`the key '${reference}' is pending deletion (${key.deletion_date})`);
}
