/**
 * The key service of a data directory. Keys seal data keys, the root key seals keys, and nothing that is stored can be
 * opened without the root key.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Catalog, Queryable } from '../catalog/catalog.ts';
import {
  deleteDueKeys,
  getKey,
  getKeyVersion,
  insertDataKey,
  insertKey,
  insertKeyVersion,
  keyOfAlias,
  keyOfDataKey,
  listKeys,
  putKeyAlias,
  putWrappedKey,
  wrappedBy,
  wrappedKey,
  type KeyRecord,
} from '../catalog/keys.ts';
import { timestamp } from '../platform/clock.ts';
import { readConfig } from '../platform/config/config.ts';
import { newDataKeyId } from '../platform/ids.ts';
import { sealerOf, type Sealer } from '../platform/sealing.ts';
import { DataKey } from './data-key.ts';
import { leaveNoCore } from './no-core.ts';
import { DEFAULT_ALIAS, keyArn, KeyError, refuseUnusable, usableKey, type KeyPlace } from './references.ts';
import { readRootKey } from './root-key.ts';

const roots = new Map<string, Promise<Sealer>>();

/** Keys and data keys of a catalogue. It holds nothing between calls but the root key. */
export class KeyService {
  private readonly catalog: Catalog;

  constructor(catalog: Catalog) {
    this.catalog = catalog;
  }

  /**
   * Makes a key.
   * @param alias `alias/NAME`
   * @throws {RootKeyError}
   */
  async create(
    place: KeyPlace,
    { description = '', alias }: { description?: string; alias?: string },
  ): Promise<KeyRecord> {
    const root = await this.root();
    const { account, region } = place;
    const created = timestamp();
    const key: KeyRecord = {
      arn: keyArn(place, randomUUID()),
      account,
      region,
      description,
      state: 'Enabled',
      deletion_date: null,
      version: 1,
      created,
    };
    await this.catalog.transaction(async (trx) => {
      await insertKey(trx, key, newMaterial(root, key.arn, 1));
      if (alias !== undefined) {
        if ((await keyOfAlias(trx, place, alias)) !== undefined)
          throw new KeyError(`the alias '${alias}' names another key in ${region} already`);
        await putKeyAlias(trx, key, alias);
      }
    });
    return key;
  }

  /** The key of disks for which none is named: made when it is first needed. @throws {KeyError} if it is disabled */
  async defaultKey(place: KeyPlace): Promise<KeyRecord> {
    if ((await keyOfAlias(this.catalog.db, place, DEFAULT_ALIAS)) === undefined)
      await this.create(place, { alias: DEFAULT_ALIAS, description: 'Default key of encrypted disks' }).catch(
        (error: unknown) => {
          if (!(error instanceof KeyError)) throw error; // Another process has made it.
        },
      );
    return usableKey(this.catalog.db, DEFAULT_ALIAS, place);
  }

  /**
   * Gives a key new material and seals with it what the old material sealed. No disk changes.
   * @returns how many data keys were sealed again
   */
  async rotate(arn: string): Promise<number> {
    const root = await this.root();
    return this.catalog.transaction(async (trx) => {
      const key = await this.existing(trx, arn);
      refuseUnusable(key);
      const version = key.version + 1;
      const all = await wrappedBy(trx, arn);
      const opened = [];
      for (const each of all) opened.push({ each, secret: await this.open(trx, root, each.data_key_id, key) });
      await insertKeyVersion(trx, {
        key_arn: arn,
        version,
        sealed: newMaterial(root, arn, version),
        created: timestamp(),
      });
      for (const { each, secret } of opened)
        await this.wrap(trx, root, new DataKey(each.data_key_id, secret), { ...key, version });
      return all.length;
    });
  }

  /** Makes a data key under a key, and records it. @throws {KeyError} */
  async newDataKey(arn: string): Promise<DataKey> {
    const root = await this.root();
    const dataKey = new DataKey(newDataKeyId());
    await this.catalog.transaction(async (trx) => {
      const key = await this.existing(trx, arn);
      refuseUnusable(key);
      await insertDataKey(trx, { id: dataKey.id, key_arn: arn, created: timestamp() });
      await this.wrap(trx, root, dataKey, key);
    });
    return dataKey;
  }

  /**
   * Opens a data key.
   * @param arn the key to open it with; default: the one that it was made under
   * @throws {KeyError} if that key is missing, disabled or pending deletion
   */
  async openDataKey(id: string, arn?: string): Promise<DataKey> {
    const root = await this.root();
    const { db } = this.catalog;
    const opener = arn ?? (await keyOfDataKey(db, id));
    if (opener === undefined) throw new KeyError(`the data key ${id} is not on record`);
    const key = await this.existing(db, opener);
    refuseUnusable(key);
    return new DataKey(id, await this.open(db, root, id, key));
  }

  /** Seals data keys with another key as well. @throws {KeyError} */
  async share(ids: readonly string[], from: string | undefined, to: string): Promise<void> {
    const root = await this.root();
    for (const id of ids) {
      if ((await wrappedKey(this.catalog.db, id, to)) !== undefined) continue;
      const dataKey = await this.openDataKey(id, from);
      await this.catalog.transaction(async (trx) => {
        const key = await this.existing(trx, to);
        refuseUnusable(key);
        await this.wrap(trx, root, dataKey, key);
      });
    }
  }

  private async existing(db: Queryable, arn: string): Promise<KeyRecord> {
    await deleteDueKeys(db, timestamp());
    const key = await getKey(db, arn);
    if (key === undefined) throw new KeyError(`the key '${arn}' does not exist (any more)`);
    return key;
  }

  private async wrap(db: Queryable, root: Sealer, dataKey: DataKey, key: KeyRecord): Promise<void> {
    const sealed = (await material(db, root, key.arn, key.version)).seal(dataKey.reveal(), useOf(dataKey.id, key.arn));
    await putWrappedKey(db, { data_key_id: dataKey.id, key_arn: key.arn, version: key.version, sealed });
  }

  private async open(db: Queryable, root: Sealer, id: string, key: KeyRecord): Promise<string> {
    const wrapped = await wrappedKey(db, id, key.arn);
    if (wrapped === undefined) throw new KeyError(`the key '${key.arn}' does not open the data key ${id}`);
    const opened = (await material(db, root, key.arn, wrapped.version)).open(wrapped.sealed, useOf(id, key.arn));
    if (opened === undefined) throw new KeyError(`the record of the data key ${id} is damaged`);
    return opened;
  }

  private async root(): Promise<Sealer> {
    const { dataDirectory, db } = this.catalog;
    const found = roots.get(dataDirectory);
    if (found !== undefined) return found;
    const reading = (async () => {
      await leaveNoCore();
      const { keys } = await readConfig(dataDirectory);
      return readRootKey(dataDirectory, keys, db, (await listKeys(db, undefined)).length > 0);
    })();
    roots.set(dataDirectory, reading);
    // A root key that could not be read may be there the next time.
    reading.catch(() => roots.delete(dataDirectory));
    return reading;
  }
}

function newMaterial(root: Sealer, arn: string, version: number): string {
  return root.seal(randomBytes(32).toString('hex'), `${arn} ${version}`);
}

async function material(db: Queryable, root: Sealer, arn: string, version: number): Promise<Sealer> {
  const sealed = await getKeyVersion(db, arn, version);
  const opened = sealed === undefined ? undefined : root.open(sealed, `${arn} ${version}`);
  if (opened === undefined)
    throw new KeyError(`the key '${arn}' cannot be opened: the root key is another one than the one that sealed it`);
  return sealerOf(Buffer.from(opened, 'hex'));
}

function useOf(dataKeyId: string, arn: string): string {
  return `data key ${dataKeyId} ${arn}`;
}
