/** Code that operations on components and on workflows share: documents with versions and builds. */
import { createHash } from 'node:crypto';
import {
  documentPosition,
  type DocumentName,
  type DocumentQueries,
  type StoredDocument,
} from '../../catalog/documents.ts';
import { resolveComponent } from '../../catalog/resolve.ts';
import { sliceOf, type Slice } from '../../catalog/slices.ts';
import { readNamedDocuments, type DocumentRun } from '../../documents/component/named-documents.ts';
import { parseComponentDocument } from '../../documents/component/parse.ts';
import { formatFault } from '../../documents/faults.ts';
import type { Fault } from '../../documents/position.ts';
import { canonicalArn, inAccountOfServer, latestVersionReferences, parseArn, type Arn } from '../../resources/arns.ts';
import {
  invalidParameterCombination,
  invalidParameterValue,
  invalidVersionNumber,
  resourceAlreadyExists,
} from '../../resources/errors.ts';
import { parseVersion, type Version } from '../../resources/versions.ts';
import { authorize } from '../access/authorize.ts';
import type { OperationContext } from '../context.ts';
import { canonical, openPage, type PageInput } from '../paging.ts';
import { textOfUri } from '../uri-texts.ts';
import { placeOf } from './common.ts';

/** The version of a new document. @throws {ApiError} InvalidVersionNumberException */
export function documentVersion(text: string, kind: 'component' | 'workflow'): Version {
  const version = parseVersion(text);
  if (version === undefined)
    throw invalidVersionNumber(text, `A ${kind}'s version is three numbers from 0 to 1073741823, without wildcards.`);
  return version;
}

/**
 * The text in a create's input, or at its URI.
 * @param what names the document in messages
 * @throws {ApiError} InvalidParameterCombinationException, InvalidParameterValueException
 */
export function documentText(
  context: OperationContext,
  { data, uri }: { readonly data?: string | undefined; readonly uri?: string | undefined },
  kind: 'component' | 'workflow',
  what = 'document',
): string {
  if (data !== undefined && uri === undefined) return data;
  if (data === undefined && uri !== undefined) return textOfUri(context, uri, 'uri');
  throw invalidParameterCombination(
    `A ${kind} takes its ${what} either as data or by uri: give exactly one of the two.`,
  );
}

/**
 * The parsed document, or an error with all of its faults, errors first: a warning may explain their cause.
 * @throws {ApiError} InvalidParameterValueException
 */
export function validDocument<D>(
  { document, faults }: { readonly document?: D; readonly faults: readonly Fault[] },
  { uri }: { readonly uri?: string | undefined },
): D {
  if (document !== undefined) return document;
  const errors = faults.filter(({ severity }) => severity === 'error');
  const warnings = faults.filter(({ severity }) => severity === 'warning');
  const lines = [...errors, ...warnings].map((fault) => formatFault(fault));
  throw invalidParameterValue(
    uri === undefined ? 'data' : 'uri',
    `The document has ${errors.length === 1 ? 'a fault' : `${errors.length} faults`} (line:column, severity, ` +
      `code):\n${lines.join('\n')}`,
  );
}

/**
 * Checks that the caller may read every component that documents name, as with `GetComponent`, because running a
 * document reveals it.
 * @throws {ApiError} AccessDeniedException, which does not reveal whether the component exists
 */
export async function checkNamedDocuments(context: OperationContext, runs: readonly DocumentRun[]): Promise<void> {
  await readNamedDocuments(runs, async (named) => {
    const arn = canonicalArn(inAccountOfServer(named, context.services.config.names.accounts, context.account));
    // It can never be found; the step fails with a message when it runs.
    if (arn === undefined) return undefined;
    await authorize(context, [{ action: 'imagebuilder:GetComponent', resource: arn }]);
    if (parseArn(arn)!.region !== context.region) return undefined;
    const component = await resolveComponent(context.services.catalog, arn, context.db);
    return component === undefined ? undefined : parseComponentDocument(component.data).document;
  });
}

/**
 * Records the next build of a version, unless nothing changed since the latest.
 * @param content what is compared: everything that the caller sent, except tags
 * @param arnOf the ARN of a build
 * @param documentOf the record of a build
 * @returns its ARN
 * @throws {ApiError} ResourceAlreadyExistsException
 */
export async function nextBuild<T extends StoredDocument, Column extends string>(
  context: OperationContext,
  queries: DocumentQueries<T, Column>,
  kind: 'Component' | 'Workflow',
  build: {
    readonly name: DocumentName;
    readonly version: Version;
    readonly content: object;
    arnOf(build: number): string;
    documentOf(arn: string): T;
  },
): Promise<string> {
  const hash = createHash('sha256')
    .update(JSON.stringify(canonical({ ...build.content, name: build.name.slug })))
    .digest('hex');
  const latest = await queries.latestBuild(context.db, placeOf(context), build.name, build.version);
  if (latest?.contentHash === hash) throw resourceAlreadyExists(kind, latest.arn);
  const arn = build.arnOf((latest?.build ?? 0) + 1);
  await queries.insert(context.db, placeOf(context), build.documentOf(arn), hash);
  return arn;
}

/** ARNs that always mean the latest of a version's builds or versions. */
export function referencesOf(arn: string) {
  return latestVersionReferences(parseArn(arn) as Arn & { version: Version });
}

/** In a list by name, an item has the ARN that always means its latest version. */
export function namedArn(
  { arn }: { readonly arn?: string | undefined },
  { byName }: { readonly byName?: boolean | undefined },
): { readonly arn?: string } {
  return byName === true ? { arn: referencesOf(arn!).latestVersionArn } : {};
}

/** A page of versions, or, by name, of the latest version of each name, with the ARN that always means the latest. */
export async function versionPage<
  T extends { readonly arn?: string | undefined },
  Summary extends { arn?: string | undefined },
>(
  input: PageInput & { readonly byName?: boolean | undefined },
  context: OperationContext,
  shape: readonly ('string' | 'number')[],
  list: (slice: Slice) => Promise<readonly T[]> | readonly T[],
  summary: (item: T) => Summary,
): Promise<{ items: Summary[]; nextToken: string | undefined }> {
  const page = openPage(input, context, shape);
  if (input.byName !== true) {
    const { items, nextToken } = page.cut(await list(page), documentPosition);
    return { items: items.map(summary), nextToken };
  }
  const latest = new Map(
    (await list({ limit: Number.MAX_SAFE_INTEGER - 1 })).map((item) => [
      referencesOf(item.arn!).latestVersionArn,
      item,
    ]),
  );
  const { items, nextToken } = page.cut(sliceOf([...latest.values()], page, documentPosition), documentPosition);
  return {
    items: items.map((item) => ({ ...summary(item), arn: referencesOf(item.arn!).latestVersionArn })),
    nextToken,
  };
}
