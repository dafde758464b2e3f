/**
 * `RunCommand`: runs a command document of Systems Manager in an instance. Source: reference, `workflows.md` section 4.
 */
import { getParameter } from '../../catalog/parameters.ts';
import { bindCommand, CommandParameterError, storedParametersOf } from '../../documents/command/bind.ts';
import type { CommandDocument } from '../../documents/command/document.ts';
import { newUuid } from '../../platform/ids.ts';
import { registeredCommand } from '../commands/registered.ts';
import { runDocument } from '../commands/run-document.ts';
import { StepError } from '../errors.ts';
import { workInstance } from '../machines/instances.ts';
import { keyOfItsOwn } from '../machines/layer-key.ts';
import type { StepAction, StepNeeds, StepOutputs } from './action.ts';

export const runCommand: StepAction = { name: 'RunCommand', effect: 'layer', run };

type Needs = StepNeeds<'account' | 'region' | 'commandDocuments', 'instances', 'catalog'>;

async function run(needs: Needs): Promise<StepOutputs> {
  const { plan, progress, stage, inputs, report, signal, timeoutSeconds } = needs;
  const entry = workInstance(progress, inputs['instanceId']);
  const { name, document } = await registeredCommand(
    plan.commandDocuments,
    plan.account,
    String(inputs['documentName']),
    inputs['documentVersion'],
  );
  const parameters = (inputs['parameters'] ?? {}) as Readonly<Record<string, unknown>>;
  const command = await asStepError(async () =>
    bindCommand(document, parameters, await storedValues(needs, document, parameters)),
  );
  const runCommandId = newUuid();
  // Layers of components that follow hold what the command did: no other build may find them.
  if (stage === 'BUILD') entry.parentKey = keyOfItsOwn(entry.parentKey, runCommandId);
  const { instance } = entry;
  const { status, output, failure } = await runDocument(command, {
    instance,
    region: plan.region,
    runCommandId,
    report,
    signal,
    timeoutSeconds,
  });
  const outputs = { runCommandId, status, output };
  if (failure !== undefined) throw new StepError(`${name} in ${instance.id}: ${failure}`, { outputs });
  return outputs;
}

async function storedValues(
  { plan: { account, region }, services: { catalog } }: Needs,
  document: CommandDocument,
  parameters: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, string>>> {
  const values: [string, string][] = [];
  for (const name of storedParametersOf(document, parameters)) {
    const found = await getParameter(catalog.db, { account, region }, name);
    if (found === undefined || found.type === 'SecureString')
      throw new CommandParameterError(
        `parameters: '{{ssm:${name}}}': ` +
          (found === undefined
            ? `there is no parameter '${name}' in ${region}`
            : 'it is a SecureString, which command documents cannot have'),
      );
    values.push([name, found.value]);
  }
  return Object.fromEntries(values);
}

async function asStepError<T>(make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof CommandParameterError)) throw error;
    throw new StepError(error.message, { cause: error });
  }
}
