/** The keys that an image asks for, found and judged before its build. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { amiOnRecord } from '../../catalog/amis.ts';
import type { Queryable } from '../../catalog/catalog.ts';
import { keyOfAlias } from '../../catalog/keys.ts';
import { DEFAULT_ALIAS, KeyError, usableKey } from '../../keys/references.ts';
import { DEFAULT_REGION, type RegionSettings } from '../../platform/config/regions.ts';
import type { PlannedEncryption, Refusal } from './image-plan.ts';
import { asksForEncryption, ROOT_DEVICES } from './volumes.ts';

/** Where an image's keys are looked for. */
export interface EncryptionPlace {
  readonly db: Queryable;
  readonly account: string;
  readonly region: string;
  /** Stores of Regions, from the configuration. */
  readonly regions: Readonly<Record<string, RegionSettings>>;
  /** The AMI that is distributed, if nothing is built. */
  readonly amiId?: string | undefined;
}

/**
 * Plans the encryption of an image.
 * @param refusals receives each key that cannot be used, with its field and value
 */
export async function planEncryption(
  image: Readonly<Image>,
  place: EncryptionPlace,
  refusals: Refusal[],
): Promise<PlannedEncryption | undefined> {
  const { db, account, region } = place;
  const refuse = (field: string, message: string, cause?: Error): void =>
    void refusals.push({ code: 'encryption', field, message: `${field}: ${message}`, cause });
  const find = async (field: string, reference: string | undefined, at: string): Promise<string | undefined> => {
    // The default key is made when it is first needed.
    const missing =
      reference === undefined && (await keyOfAlias(db, { account, region: at }, DEFAULT_ALIAS)) === undefined;
    if (missing) return undefined;
    try {
      return (await usableKey(db, reference ?? DEFAULT_ALIAS, { account, region: at })).arn;
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      refuse(field, error.message, error);
      return undefined;
    }
  };

  const mappings = image.imageRecipe?.blockDeviceMappings ?? [];
  const distributions = (image.distributionConfiguration?.distributions ?? []).map((entry, index) => ({
    region: entry.region!,
    key: entry.amiDistributionConfiguration?.kmsKeyId,
    field: `distributionConfiguration.distributions[${index}]`,
  }));
  const keyed = distributions.filter(({ key }) => key !== undefined);
  if (image.type === 'DOCKER') return undefined;
  if (!asksForEncryption(mappings) && keyed.length === 0) return undefined;

  const isPlain = place.amiId !== undefined && (await amiOnRecord(db, place.amiId))?.kms_key_arn == null;
  if (isPlain && keyed[0] !== undefined)
    refuse(
      `${keyed[0].field}.amiDistributionConfiguration.kmsKeyId`,
      `'${keyed[0].key}' is for an encrypted image, and ${place.amiId} is not encrypted; build the image ` +
        'with encryption',
    );

  const index = mappings.findIndex(({ deviceName }) => ROOT_DEVICES.includes(deviceName ?? ''));
  const root = mappings[index]?.ebs;
  const home = keyed.find((entry) => entry.region === region);
  const regions: Record<string, string> = {};
  for (const entry of keyed) {
    const arn = await find(`${entry.field}.amiDistributionConfiguration.kmsKeyId`, entry.key, entry.region);
    if (arn !== undefined) regions[entry.region] = arn;
  }
  const field = `imageRecipe.blockDeviceMappings[${Math.max(0, index)}].ebs.kmsKeyId`;
  const build =
    root?.kmsKeyId !== undefined || home === undefined ? await find(field, root?.kmsKeyId, region) : regions[region];
  for (const at of new Set([region, ...distributions.map((entry) => entry.region)])) {
    const settings = place.regions[at] ?? DEFAULT_REGION;
    const path = distributions.find((entry) => entry.region === at)?.field ?? 'distributionConfiguration';
    // The store's own encryption is set in `config.yaml`; the disk would have to be decrypted for it.
    if (settings.store === 'ec2')
      refuse(`${path}.region`, `${at} is real EC2 (config.yaml), and encrypted images are not sent there yet`);
    if (settings.store === 'directory' && settings.layout === 'flat')
      refuse(`${path}.region`, `the store of ${at} has layout: flat, and keeps no encrypted images; use layout: chain`);
    if (at !== region && regions[at] === undefined)
      await find(`${path}.amiDistributionConfiguration.kmsKeyId`, undefined, at);
  }
  return { build, regions };
}
