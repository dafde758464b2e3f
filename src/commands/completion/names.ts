/** Names from the server, for completion: fast, and silent without a server. */
import type { Connection } from '../../platform/api-client.ts';
import { imagebuilderClient, signedJson } from '../../platform/api-client.ts';
import { parseArn, type ResourceType } from '../../resources/arns.ts';
import { NAMED_TYPES, ownArns } from '../short-names.ts';

/** Kinds of names. */
export const NAME_KINDS: readonly string[] = [...NAMED_TYPES, 'stack'];

/** Kinds of names that a command's arguments can be. */
export const NAMES_OF: Readonly<Record<string, readonly string[]>> = {
  logs: ['image'],
  launch: ['image'],
  images: ['image'],
  deregister: ['image'],
  run: ['image-pipeline'],
  schedule: ['image-pipeline'],
  dependents: ['component', 'image-recipe', 'image', 'image-pipeline'],
  stacks: ['stack'],
  'delete-stack': ['stack'],
};

/** Time limit in milliseconds, because the user is waiting after Tab. */
const DEADLINE_MS = 1500;

/** Names of these kinds in the account and Region, without duplicates; empty after the time limit or an error. */
export async function namesOf(kinds: readonly string[], connection: Connection): Promise<readonly string[]> {
  const late = new Promise<readonly string[]>((resolve) => setTimeout(resolve, DEADLINE_MS, []).unref());
  const asked = kinds.map((kind) => (kind === 'stack' ? stackNames(connection) : typeNames(connection, kind as never)));
  const all = Promise.all(asked.map((each) => each.catch(() => []))).then((found) => found.flat());
  return [...new Set(await Promise.race([late, all]))].sort();
}

async function typeNames(connection: Connection, type: ResourceType): Promise<readonly string[]> {
  const arns = await ownArns(imagebuilderClient(connection), type);
  return arns.flatMap((arn) => parseArn(arn)?.slug ?? []);
}

async function stackNames(connection: Connection): Promise<readonly string[]> {
  const { stacks } = await signedJson<{ stacks: readonly { readonly name: string }[] }>(connection, {
    method: 'GET',
    path: '/ingot/stacks',
  });
  return stacks.map(({ name }) => name);
}
