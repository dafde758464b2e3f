/** Operations on components. Source: reference, `resources.md` sections 2, 6 and 7. */
import { createHash } from 'node:crypto';
import type { Component, ComponentVersion } from '@aws-sdk/client-imagebuilder';
import {
  componentPosition, componentVersions, deleteComponent, getComponent, insertComponent, latestComponentBuild, listComponentBuilds, listComponentVersions,
  type ComponentColumn,
} from '../../catalog/components.ts';
import { dependentsOf } from '../../catalog/dependents.ts';
import { managedComponent } from '../../catalog/managed.ts';
import { resolveComponent } from '../../catalog/resolve.ts';
import { sliceOf } from '../../catalog/slices.ts';
import { parseComponentDocument, type ParsedComponent } from '../../documents/component/parse.ts';
import { formatFault } from '../../documents/faults.ts';
import { componentType, parameterDetails } from '../../documents/component/type.ts';
import { timestamp } from '../../platform/clock.ts';
import { latestVersionReferences, parseArn, resourceArn, versionArn, type Arn } from '../../resources/arns.ts';
import {
  invalidParameterCombination, invalidParameterValue, invalidVersionNumber, resourceAlreadyExists, resourceDependency, resourceNotFound, valueNotSupported,
} from '../../resources/errors.ts';
import { slug } from '../../resources/names.ts';
import { parseVersion, type Version } from '../../resources/versions.ts';
import type { Handlers, OperationContext } from '../context.ts';
import { canonical, openPage } from '../paging.ts';
import { compact, meetsConditions, ownArn, placeOf, readFilters, visibleArn } from './common.ts';

const FILTERS: Readonly<Record<string, ComponentColumn>> = { name: 'name', platform: 'platform', type: 'type', status: 'status' };

/** Handlers. */
export const componentOperations = {
  async CreateComponent(input, context) {
    const version = parseVersion(input.semanticVersion);
    if (version === undefined) throw invalidVersionNumber(input.semanticVersion, 'A component\'s version is three numbers from 0 to 1073741823, without wildcards.');
    if ((input.data === undefined) === (input.uri === undefined)) throw invalidParameterCombination('A component takes its document either as data or by uri: give exactly one of the two.');
    if (input.data === undefined) throw valueNotSupported('uri', 'Documents are not read from S3; give the document as data.');
    const document = validDocument(parseComponentDocument(input.data, { platform: input.platform }));

    const place = placeOf(context);
    const name = slug(input.name);
    const content = compact({
      name: input.name, version: input.semanticVersion, description: input.description, changeDescription: input.changeDescription,
      platform: input.platform, supportedOsVersions: input.supportedOsVersions, kmsKeyId: input.kmsKeyId,
    });
    const hash = createHash('sha256').update(JSON.stringify(canonical({ ...content, name, data: input.data }))).digest('hex');
    const latest = await latestComponentBuild(context.db, place, name, version);
    if (latest?.contentHash === hash) throw resourceAlreadyExists('Component', latest.arn);

    const arn = resourceArn(place, 'component', name, version, (latest?.build ?? 0) + 1);
    const parameters = parameterDetails(document).map((each) => compact({ ...each, defaultValue: each.defaultValue && [...each.defaultValue] }));
    await insertComponent(context.db, place, {
      ...content, arn, type: componentType(document), ...(parameters.length === 0 ? {} : { parameters }),
      state: { status: 'ACTIVE' }, owner: context.account, data: input.data, encrypted: true, dateCreated: timestamp(), tags: input.tags ?? {},
    }, hash);
    return { componentBuildVersionArn: arn, latestVersionReferences: references(arn) };
  },

  async GetComponent(input, context) {
    visibleArn(context, input.componentBuildVersionArn, 'component', 'componentBuildVersionArn');
    const component = await resolveComponent(context.services.catalog, input.componentBuildVersionArn, context.db);
    if (component === undefined) throw resourceNotFound(input.componentBuildVersionArn);
    return { component, latestVersionReferences: references(component.arn) };
  },

  async ListComponents(input, context) {
    const conditions = readFilters(input.filters, FILTERS);
    const page = openPage(input, context, ['string', 'number', 'number', 'number']);
    const owner = input.owner ?? 'Self';
    if (owner !== 'Self' && owner !== 'Amazon') return { componentVersionList: [] };
    if (input.byName === true) return listByName(context, owner, conditions, input);
    const found = owner === 'Self'
      ? await listComponentVersions(context.db, placeOf(context), conditions, page)
      : sliceOf(managed(context, conditions), page, componentPosition);
    const { items, nextToken } = page.cut(found, componentPosition);
    return { componentVersionList: items.map((component) => summary(component)), nextToken };
  },

  async ListComponentBuildVersions(input, context) {
    const page = openPage(input, context, ['string', 'number', 'number', 'number', 'number']);
    const position = (component: Component) => [...componentPosition(component), parseArn(component.arn!)!.build!];
    const arn = input.componentVersionArn === undefined ? undefined : visibleArn(context, input.componentVersionArn, 'component', 'componentVersionArn');
    const found = arn?.owner === 'aws'
      ? sliceOf(managed(context, {}).filter((component) => versionArn(parseArn(component.arn!)!) === input.componentVersionArn), page, position)
      : await listComponentBuilds(context.db, placeOf(context), input.componentVersionArn, page);
    const { items, nextToken } = page.cut(found, position);
    return {
      componentSummaryList: items.map(({ data: _data, parameters: _parameters, encrypted: _encrypted, kmsKeyId: _kmsKeyId, ...component }) => component),
      nextToken,
    };
  },

  async DeleteComponent(input, context) {
    const arn = ownArn(context, input.componentBuildVersionArn, 'component', 'componentBuildVersionArn');
    if ((await getComponent(context.db, input.componentBuildVersionArn)) === undefined) throw resourceNotFound(input.componentBuildVersionArn);
    const dependents = await dependentsOf(context.db, input.componentBuildVersionArn, await componentVersions(context.db, placeOf(context), arn.slug));
    if (dependents.length > 0) throw resourceDependency(input.componentBuildVersionArn, dependents);
    await deleteComponent(context.db, input.componentBuildVersionArn);
    return { componentBuildVersionArn: input.componentBuildVersionArn };
  },
} satisfies Partial<Handlers>;

function validDocument({ document, faults }: ParsedComponent) {
  if (document !== undefined) return document;
  const errors = faults.filter(({ severity }) => severity === 'error');
  const lines = errors.map((fault) => formatFault(fault));
  throw invalidParameterValue('data', `The document has ${errors.length === 1 ? 'a fault' : `${errors.length} faults`} (line:column, severity, code):\n${lines.join('\n')}`);
}

function references(arn: string) {
  return latestVersionReferences(parseArn(arn) as Arn & { version: Version });
}

/** Managed components as the API answers them, in order of name and version. */
function managed(context: OperationContext, conditions: Parameters<typeof meetsConditions<ComponentColumn>>[1]): readonly Component[] {
  return context.services.catalog.managed.components
    .map((component) => managedComponent(component, context.region))
    .filter((component) => meetsConditions({ name: component.name, platform: component.platform, type: component.type, status: 'ACTIVE' }, conditions));
}

/** One entry for each name: its latest version, under the ARN that will always mean the latest. */
async function listByName(
  context: OperationContext, owner: 'Self' | 'Amazon', conditions: Parameters<typeof meetsConditions<ComponentColumn>>[1], input: { maxResults?: number; nextToken?: string },
) {
  const page = openPage(input, context, ['string', 'number', 'number', 'number']);
  const all = owner === 'Amazon'
    ? managed(context, conditions)
    : await listComponentVersions(context.db, placeOf(context), conditions, { limit: Number.MAX_SAFE_INTEGER - 1 });
  const latest = new Map(all.map((component) => [parseArn(component.arn!)!.slug, component]));
  const { items, nextToken } = page.cut(sliceOf([...latest.values()], page, componentPosition), componentPosition);
  return { componentVersionList: items.map((component) => ({ ...summary(component), arn: references(component.arn!).latestVersionArn })), nextToken };
}

function summary(component: Component): ComponentVersion {
  return compact({
    arn: versionArn(parseArn(component.arn!)!), name: component.name, version: component.version, description: component.description, platform: component.platform,
    supportedOsVersions: component.supportedOsVersions, type: component.type, owner: component.owner, dateCreated: component.dateCreated, status: component.state?.status,
  });
}
