/** `pools` of `config.yaml`: virtual machines that wait for builds. Pure. */
import { map, section, text } from './reading.ts';

/** Virtual machines that have booted from a parent image and wait for a build. */
export interface Pool {
  readonly name: string;
  /** The parent image: an AMI, `ssm:…`, or an image ARN with or without wildcards. */
  readonly image: string;
  /** The account whose builds may take its instances. */
  readonly account: string;
  readonly region: string;
  /** Default: that of builds. */
  readonly instanceType: string | undefined;
  /** How many wait. */
  readonly size: number;
}

/** Most instances of a pool: each takes its memory for as long as the server runs. */
export const MOST_INSTANCES = 16;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/;
const REGION = /^[a-z]{2}(?:-[a-z]+)+-\d+$/;
const IMAGE = /^(?:ami-[0-9a-f]{8,17}|ssm:.+|arn:aws[\w-]*:imagebuilder:[a-z0-9-]+:(?:\d{12}|aws):image\/.+)$/;

/** Reads the section. @param home the account of pools that name none */
export function readPools(value: unknown, faults: string[], home: string): Readonly<Record<string, Pool>> {
  return Object.fromEntries(
    Object.entries(map(value, 'pools', faults)).map(([name, each]) => {
      const place = `pools.${name}`;
      if (!NAME.test(name)) faults.push(`${place}: a name must have 1 to 255 letters, digits, - and _ and .`);
      const given = section(each, place, ['image', 'account', 'region', 'instanceType', 'size'], faults);
      const image = text(given['image'], `${place}.image`, faults, true) ?? '';
      if (image !== '' && !IMAGE.test(image))
        faults.push(`${place}.image: '${image}' is not an AMI, ssm: and a parameter, or the ARN of an image`);
      const account = text(given['account'], `${place}.account`, faults) ?? home;
      if (!/^\d{12}$/.test(account)) faults.push(`${place}.account: must be an account of 12 digits`);
      const ofArn = image.startsWith('arn:') ? image.split(':')[3] : undefined;
      const region = text(given['region'], `${place}.region`, faults) ?? ofArn ?? 'us-east-1';
      if (!REGION.test(region)) faults.push(`${place}.region: '${region}' is not a Region, such as us-east-1`);
      const size = given['size'] ?? 1;
      if (!Number.isInteger(size) || Number(size) < 1 || Number(size) > MOST_INSTANCES)
        faults.push(`${place}.size: must be a whole number from 1 to ${MOST_INSTANCES}`);
      const instanceType = text(given['instanceType'], `${place}.instanceType`, faults);
      return [name, { name, image, account, region, instanceType, size: Number(size) }] as const;
    }),
  );
}
