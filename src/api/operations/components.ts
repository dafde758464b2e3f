/** Operations on components. Source: reference, `resources.md` sections 2, 6 and 7. */
import type { Component, ComponentVersion } from '@aws-sdk/client-imagebuilder';
import { components, supportsOneOf, type StoredComponent } from '../../catalog/components.ts';
import { dependentsOf } from '../../catalog/dependents.ts';
import { documentBuildPosition, documentPosition } from '../../catalog/documents.ts';
import { getKeptFile, nameFiles } from '../../catalog/kept-files.ts';
import { findManagedComponent, managedComponent, missingComponent } from '../../catalog/managed.ts';
import { resolveComponent } from '../../catalog/resolve.ts';
import { sliceOf, type Conditions } from '../../catalog/slices.ts';
import { parseComponentDocument } from '../../documents/component/parse.ts';
import type { ComponentDocument } from '../../documents/component/document.ts';
import { fileSourcesOf } from '../../documents/component/file-sources.ts';
import { componentType, parameterDetails } from '../../documents/component/type.ts';
import { INGOT } from '../../platform/own-program.ts';
import { timestamp } from '../../platform/clock.ts';
import { parseArn, resourceArn, versionArn } from '../../resources/arns.ts';
import { invalidParameterValue, resourceDependency, resourceNotFound } from '../../resources/errors.ts';
import { slug } from '../../resources/names.ts';
import type { Handlers, OperationContext } from '../context.ts';
import type { OperationInput } from '../model.ts';
import { sharedPage } from './shared.ts';
import { openPage } from '../paging.ts';
import {
  compact,
  meetsConditions,
  ownArn,
  placeOf,
  readFilters,
  refuseVersionFilterByName,
  visibleArn,
} from './common.ts';
import {
  checkNamedDocuments,
  documentText,
  documentVersion,
  namedArn,
  nextBuild,
  referencesOf,
  validDocument,
  versionPage,
} from './documents.ts';

type Filter = 'name' | 'platform' | 'type' | 'status' | 'description' | 'version' | 'os_version' | 'product_codes';

const FILTERS: Readonly<Record<string, Filter>> = {
  description: 'description',
  name: 'name',
  platform: 'platform',
  supportedOsVersion: 'os_version',
  type: 'type',
  version: 'version',
  status: 'status',
  productCodes: 'product_codes',
};

/** Maximum characters of a source in a message. */
const LONGEST_SOURCE = 200;

/** Handlers. */
export const componentOperations = {
  async CreateComponent(input, context) {
    const componentBuildVersionArn = await createComponent(context, input, documentText(context, input, 'component'));
    return { componentBuildVersionArn, latestVersionReferences: referencesOf(componentBuildVersionArn) };
  },

  async GetComponent(input, context) {
    visibleArn(context, input.componentBuildVersionArn, 'component', 'componentBuildVersionArn');
    const component = await resolveComponent(context.services.catalog, input.componentBuildVersionArn, context.db);
    if (component === undefined)
      throw resourceNotFound(
        input.componentBuildVersionArn,
        missingComponent(context.services.catalog.managed, input.componentBuildVersionArn).trim() || undefined,
      );
    return { component, latestVersionReferences: referencesOf(component.arn) };
  },

  async ListComponents(input, context) {
    refuseVersionFilterByName(input);
    // Deprecated components are hidden unless a filter asks for them.
    const { os_version, product_codes, ...conditions } = {
      status: ['ACTIVE', 'DISABLED'],
      ...readFilters(input.filters, FILTERS),
    };
    const owner = input.owner ?? 'Self';
    if (owner === 'Shared') {
      const meets = (component: Component): boolean =>
        product_codes === undefined && meetsConditions(filterable(component), { ...conditions, os_version });
      const shared = await sharedPage<Component>(
        input,
        context,
        'component',
        (arn) => components.get(context.db, arn),
        meets,
      );
      return {
        componentVersionList: shared.items.map((component) => ({
          ...summary(component),
          ...namedArn(component, input),
        })),
        nextToken: shared.nextToken,
      };
    }
    // No component has a product code.
    const list =
      (owner !== 'Self' && owner !== 'Amazon') || product_codes !== undefined
        ? () => []
        : owner === 'Amazon'
          ? (slice: Parameters<typeof sliceOf>[1]) =>
              sliceOf(managed(context, { ...conditions, os_version }), slice, documentPosition)
          : (slice: Parameters<typeof sliceOf>[1]) =>
              components.listVersions(
                context.db,
                placeOf(context),
                conditions,
                slice,
                os_version === undefined ? undefined : supportsOneOf(os_version),
              );
    const { items, nextToken } = await versionPage<Component, ComponentVersion>(
      input,
      context,
      ['string', 'number', 'number', 'number'],
      list,
      summary,
    );
    return { componentVersionList: items, nextToken };
  },

  async ListComponentBuildVersions(input, context) {
    const page = openPage(input, context, ['string', 'number', 'number', 'number', 'number']);
    const arn =
      input.componentVersionArn === undefined
        ? undefined
        : visibleArn(context, input.componentVersionArn, 'component', 'componentVersionArn');
    const meant = arn?.owner === 'aws' ? findManagedComponent(context.services.catalog.managed, arn) : undefined;
    const found: readonly Component[] =
      arn?.owner === 'aws'
        ? sliceOf(meant === undefined ? [] : [managedComponent(meant, context.region)], page, documentBuildPosition)
        : await components.listBuilds(
            context.db,
            placeOf(context),
            arn === undefined ? undefined : { slug: arn.slug, version: arn.version! },
            page,
          );
    const { items, nextToken } = page.cut(found, documentBuildPosition);
    return {
      componentSummaryList: items.map(
        ({ data: _data, parameters: _parameters, encrypted: _encrypted, kmsKeyId: _kmsKeyId, ...component }) =>
          component,
      ),
      nextToken,
    };
  },

  async DeleteComponent(input, context) {
    const arn = ownArn(context, input.componentBuildVersionArn, 'component', 'componentBuildVersionArn');
    if ((await components.get(context.db, input.componentBuildVersionArn)) === undefined)
      throw resourceNotFound(input.componentBuildVersionArn);
    const dependents = await dependentsOf(
      context.db,
      input.componentBuildVersionArn,
      await components.versions(context.db, placeOf(context), arn),
    );
    if (dependents.length > 0) throw resourceDependency(input.componentBuildVersionArn, dependents);
    await components.remove(context.db, input.componentBuildVersionArn);
    return { componentBuildVersionArn: input.componentBuildVersionArn };
  },
} satisfies Partial<Handlers>;

/**
 * Creates a component with a document. Returns the ARN of its build version.
 * @throws {ApiError} for faults of either
 */
export async function createComponent(
  context: OperationContext,
  input: Omit<OperationInput<'CreateComponent'>, 'data'>,
  data: string,
): Promise<string> {
  const version = documentVersion(input.semanticVersion, 'component');
  const document = validDocument(parseComponentDocument(data, { platform: input.platform }), input);
  await checkNamedDocuments(context, [{ document, parameters: {} }]);
  const digests = await checkFiles(context, document, input);
  const content = compact({
    name: input.name,
    version: input.semanticVersion,
    description: input.description,
    changeDescription: input.changeDescription,
    platform: input.platform,
    supportedOsVersions: input.supportedOsVersions,
    kmsKeyId: input.kmsKeyId,
  });
  const parameters = parameterDetails(document).map((each) =>
    compact({ ...each, defaultValue: each.defaultValue && [...each.defaultValue] }),
  );
  const name = slug(input.name);
  const arn = await nextBuild(context, components, 'Component', {
    name: { slug: name },
    version,
    content: { ...content, data },
    arnOf: (build) => resourceArn(placeOf(context), 'component', name, version, build),
    documentOf: (arn): StoredComponent => ({
      ...content,
      version: context.writtenVersion ?? content.version,
      arn,
      type: componentType(document),
      ...(parameters.length === 0 ? {} : { parameters }),
      state: { status: 'ACTIVE' },
      owner: context.account,
      data,
      encrypted: true,
      dateCreated: timestamp(),
      tags: input.tags ?? {},
    }),
  });
  await nameFiles(context.db, arn, context.account, digests);
  return arn;
}

/**
 * Checks the files that a document names.
 * @returns their digests
 * @throws {ApiError} InvalidParameterValueException for a file that was not uploaded
 */
async function checkFiles(
  context: OperationContext,
  document: ComponentDocument,
  { uri }: { readonly uri?: string | undefined },
): Promise<readonly string[]> {
  const digests: string[] = [];
  const refuse = (detail: string): never => {
    throw invalidParameterValue(uri === undefined ? 'data' : 'uri', detail);
  };
  for (const { phase, step, source, file } of fileSourcesOf(document)) {
    const where = `Step ${step.name} of phase ${phase} has the source '${source.slice(0, LONGEST_SOURCE)}'`;
    if (file.packed === undefined)
      return refuse(
        `${where}, a file beside the document, which only Ingot's commands can read. Put the document into a ` +
          `CloudFormation template (Data, or Uri) and run ${INGOT} build, or put the file into S3 and name it by ` +
          's3://BUCKET/KEY.',
      );
    const { sha256 } = file.packed;
    const why = context.fileFaults?.get(sha256);
    if (why !== undefined) return refuse(`${where}. ${why}`);
    const known = await getKeptFile(context.db, context.account, sha256);
    if (known?.complete !== true)
      return refuse(`${where}, and account ${context.account} has no such file here. ${INGOT} build puts it here.`);
    digests.push(sha256);
  }
  return digests;
}

/** Managed components as in responses, sorted by name and version. */
function managed(
  context: OperationContext,
  conditions: Conditions<Exclude<Filter, 'product_codes'>>,
): readonly Component[] {
  return context.services.catalog.managed.components
    .map((component) => managedComponent(component, context.region))
    .filter((component) => meetsConditions(filterable(component), conditions));
}

/** The fields of a component in memory that filters compare. */
function filterable({ name, platform, type, description, version, supportedOsVersions, state }: Component) {
  return {
    name,
    platform,
    type,
    description,
    version,
    status: state?.status ?? 'ACTIVE',
    os_version: supportedOsVersions,
  };
}

function summary(component: Component): ComponentVersion {
  return compact({
    arn: versionArn(parseArn(component.arn!)!),
    name: component.name,
    version: component.version,
    description: component.description,
    platform: component.platform,
    supportedOsVersions: component.supportedOsVersions,
    type: component.type,
    owner: component.owner,
    dateCreated: component.dateCreated,
    status: component.state?.status,
  });
}
