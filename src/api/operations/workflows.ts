/** Operations on workflows. Source: reference, `workflows.md` and `resources.md` sections 2, 6 and 7. */
import type { Workflow, WorkflowVersion } from '@aws-sdk/client-imagebuilder';
import { dependentsOf } from '../../catalog/dependents.ts';
import { documentBuildPosition, documentPosition } from '../../catalog/documents.ts';
import { managedWorkflow } from '../../catalog/managed.ts';
import { resolveWorkflow } from '../../catalog/resolve.ts';
import { sliceOf, type Conditions, type Slice } from '../../catalog/slices.ts';
import { workflows, type WorkflowColumn } from '../../catalog/workflows.ts';
import { workflowParameterDetails } from '../../documents/workflow/parameters.ts';
import { parseWorkflowDocument } from '../../documents/workflow/parse.ts';
import { stepsThatCannotRun } from '../../documents/workflow/runnable.ts';
import { timestamp } from '../../platform/clock.ts';
import { formatArn, parseArn, versionArn, type Arn } from '../../resources/arns.ts';
import { invalidParameterValue, resourceDependency, resourceNotFound } from '../../resources/errors.ts';
import { slug } from '../../resources/names.ts';
import { formatVersion } from '../../resources/versions.ts';
import type { Handlers, OperationContext } from '../context.ts';
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
import { documentText, documentVersion, nextBuild, referencesOf, validDocument, versionPage } from './documents.ts';

const FILTERS: Readonly<Record<string, WorkflowColumn | 'owner'>> = {
  name: 'name',
  type: 'type',
  version: 'version',
  owner: 'owner',
};

/** Handlers. */
export const workflowOperations = {
  async CreateWorkflow(input, context) {
    const data = documentText(context, input, 'workflow');
    const version = documentVersion(input.semanticVersion, 'workflow');
    const document = validDocument(parseWorkflowDocument(data, input.type), input);
    // The same check as in CreateImage, so that a workflow that cannot run is rejected when it is created.
    const problems = stepsThatCannotRun(document);
    if (problems.length > 0) throw invalidParameterValue('data', problems.join('\n'));
    const content = compact({
      name: input.name,
      version: input.semanticVersion,
      type: input.type,
      description: input.description,
      changeDescription: input.changeDescription,
      kmsKeyId: input.kmsKeyId,
    });
    const parameters = workflowParameterDetails(document).map((each) =>
      compact({ ...each, defaultValue: each.defaultValue && [...each.defaultValue] }),
    );
    const name = slug(input.name);
    const workflowType = input.type.toLowerCase() as NonNullable<Arn['workflowType']>;
    const workflowBuildVersionArn = await nextBuild(context, workflows, 'Workflow', {
      name: { slug: name, workflowType },
      version,
      content: { ...content, data },
      arnOf: (build) =>
        formatArn({
          partition: 'aws',
          region: context.region,
          owner: context.account,
          type: 'workflow',
          workflowType,
          slug: name,
          version,
          build,
        }),
      documentOf: (arn) => ({
        ...content,
        version: context.writtenVersion ?? content.version,
        arn,
        ...(parameters.length === 0 ? {} : { parameters }),
        owner: context.account,
        data,
        dateCreated: timestamp(),
        tags: input.tags ?? {},
      }),
    });
    return { workflowBuildVersionArn, latestVersionReferences: referencesOf(workflowBuildVersionArn) };
  },

  async GetWorkflow(input, context) {
    const { owner } = visibleArn(context, input.workflowBuildVersionArn, 'workflow', 'workflowBuildVersionArn');
    const workflow = await resolveWorkflow(context.services.catalog, input.workflowBuildVersionArn, context.db);
    if (workflow === undefined) throw resourceNotFound(input.workflowBuildVersionArn);
    const references = referencesOf(workflow.arn);
    // As on AWS, managed workflows can be selected as x.x.x only.
    return {
      workflow,
      latestVersionReferences: owner === 'aws' ? { latestVersionArn: references.latestVersionArn } : references,
    };
  },

  async ListWorkflows(input, context) {
    refuseVersionFilterByName(input);
    const { owner: owners, ...conditions } = readFilters(input.filters, FILTERS);
    const owner = input.owner ?? 'Self';
    const names = owner === 'Amazon' ? ['Amazon'] : ['Self', context.account];
    const list =
      (owner !== 'Self' && owner !== 'Amazon') || owners?.some((each) => names.includes(each)) === false
        ? () => []
        : owner === 'Amazon'
          ? (slice: Slice) => sliceOf(managed(context, conditions), slice, documentPosition)
          : (slice: Slice) => workflows.listVersions(context.db, placeOf(context), conditions, slice);
    const { items, nextToken } = await versionPage<Workflow, WorkflowVersion>(
      input,
      context,
      ['string', 'string', 'number', 'number', 'number'],
      list,
      summary,
    );
    return { workflowVersionList: items, nextToken };
  },

  async ListWorkflowBuildVersions(input, context) {
    const page = openPage(input, context, ['string', 'string', 'number', 'number', 'number', 'number']);
    const arn =
      input.workflowVersionArn === undefined
        ? undefined
        : visibleArn(context, input.workflowVersionArn, 'workflow', 'workflowVersionArn');
    const found: readonly Workflow[] =
      arn?.owner === 'aws'
        ? sliceOf(
            managed(context, {
              name: [arn.slug],
              type: [arn.workflowType!.toUpperCase()],
              version: [formatVersion(arn.version!)],
            }),
            page,
            documentBuildPosition,
          )
        : await workflows.listBuilds(
            context.db,
            placeOf(context),
            arn === undefined ? undefined : { ...arn, version: arn.version! },
            page,
          );
    const { items, nextToken } = page.cut(found, documentBuildPosition);
    return {
      workflowSummaryList: items.map(
        ({ data: _data, parameters: _parameters, kmsKeyId: _kmsKeyId, ...workflow }) => workflow,
      ),
      nextToken,
    };
  },

  async DeleteWorkflow(input, context) {
    const arn = input.workflowBuildVersionArn;
    const name = ownArn(context, arn, 'workflow', 'workflowBuildVersionArn');
    if ((await workflows.get(context.db, arn)) === undefined) throw resourceNotFound(arn);
    const dependents = await dependentsOf(
      context.db,
      arn,
      await workflows.versions(context.db, placeOf(context), name),
    );
    if (dependents.length > 0) throw resourceDependency(arn, dependents);
    await workflows.remove(context.db, arn);
    return { workflowBuildVersionArn: arn };
  },
} satisfies Partial<Handlers>;

/** Managed workflows as in responses, sorted by name, type and version. */
function managed(context: OperationContext, conditions: Conditions<WorkflowColumn>): readonly Workflow[] {
  return context.services.catalog.managed.workflows
    .map((workflow) => managedWorkflow(workflow, context.region))
    .filter(({ name, type, version }) => meetsConditions({ name, type, version }, conditions));
}

function summary(workflow: Workflow): WorkflowVersion {
  return compact({
    arn: versionArn(parseArn(workflow.arn!)!),
    name: workflow.name,
    version: workflow.version,
    description: workflow.description,
    type: workflow.type,
    owner: workflow.owner,
    dateCreated: workflow.dateCreated,
  });
}
