/** ExecuteDocument: runs another document on the same machine. Source: reference, `awstoe.md` section 6. */
import type { InputValue } from '../../documents/component/document.ts';
import { fitsPlatform } from '../../documents/component/modules.ts';
import { parseComponentDocument, type ParsedComponent } from '../../documents/component/parse.ts';
import { formatFault } from '../../documents/faults.ts';
import type { Capabilities } from '../../instances/instance.ts';
import { newUuid } from '../../platform/ids.ts';
import { timestamp } from '../../platform/clock.ts';
import { readUtf8 } from '../../platform/utf8.ts';
import { signS3 } from '../../platform/s3-requests.ts';
import { detailedOutput, runSummary, type RunReport } from '../detailed-output.ts';
import { absolutePath } from '../kit/file-program.ts';
import { transfer } from '../kit/http-transfer.ts';
import { mapOf, optionalText, text } from '../kit/inputs.ts';
import { InputError, type ActionModule, type AttemptContext } from '../module.ts';
import { s3Access, s3Place } from '../kit/s3.ts';

export const executeDocument: ActionModule = {
  name: 'ExecuteDocument',
  platforms: ['Linux', 'Windows', 'macOS'],
  async attempt(context) {
    const inputs = mapOf(context.inputs);
    const path = text(inputs, 'document');
    const { platform } = context.instance.capabilities;
    const { document, faults } = parsedFor(
      platform,
      await documentText(context, path, optionalText(inputs, 'document-s3-bucket-owner')),
      context.parsed,
    );
    if (document === undefined) {
      const errors = faults.filter(({ severity }) => severity === 'error').map((fault) => formatFault(fault, path));
      return { result: 'failed', message: `the document is not valid: ${errors.join(' ')}` };
    }
    const startTime = timestamp();
    const phases = (optionalText(inputs, 'phases') ?? '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
    const outcome = await context.runNested({
      document,
      name: document.name ?? path,
      phases: phases.length === 0 ? document.phases.map(({ name }) => name) : phases,
      parameters: parametersOf(inputs['parameters']),
    });
    const report: RunReport = {
      executionId: newUuid(),
      startTime,
      endTime: timestamp(),
      documents: [{ path, document, outcome, startTime, endTime: timestamp() }],
    };
    const outputs = Object.fromEntries(
      Object.entries(runSummary(report)).map(([name, value]) => [name, String(value)]),
    );
    const detailed = { outputs, detailedOutput: [detailedOutput(report)] };
    if (outcome.status === 'success') return { result: 'success', ...detailed };
    const { failure } = outcome;
    const why =
      failure === undefined ? '' : `: ${failure.phase}: ${failure.step} (${failure.action}): ${failure.message}`;
    return {
      result: 'failed',
      message: `the document ${path} ${outcome.status === 'timedOut' ? 'timed out' : 'failed'}${why}`,
      ...detailed,
      ...(failure?.code === undefined ? {} : { code: failure.code }),
      exitCode: failure?.exitCode,
      command: failure?.command,
    };
  },
};

/** Reuses an earlier parse of a document, unless it may have missed what the platform lacks. */
function parsedFor(platform: Capabilities['platform'], text: string, known: AttemptContext['parsed']): ParsedComponent {
  const before = known?.(text);
  const fits = before !== undefined && (before.document === undefined || fitsPlatform(before.document, platform));
  return fits ? before : parseComponentDocument(text, { platform });
}

/** @throws {InputError} if the document does not exist */
async function documentText(context: AttemptContext, path: string, owner: string | undefined): Promise<string> {
  if (path.startsWith('arn:')) {
    const found = await context.componentText?.(path).catch((error: unknown) => {
      // The ARN was computed while the document ran: the server may reject it, or be unreachable.
      if (error instanceof InputError) throw error;
      throw new InputError(`document: ${path} cannot be read: ${(error as Error).message}`, { cause: error });
    });
    if (found === undefined) throw new InputError(`document: the component ${path} does not exist here`);
    return found;
  }
  if (path.startsWith('s3://')) {
    const request = await signS3(await s3Access(context), {
      method: 'GET',
      ...s3Place(path, 'document'),
      expectedBucketOwner: owner,
    });
    const ended = await transfer(context, { what: 'ask', path: '', shown: path, ...request });
    if ('failure' in ended) throw new InputError(`document: ${ended.failure}`);
    return textOf(ended.bytes ?? Buffer.alloc(0), path);
  }
  const absolute = absolutePath(context, path);
  const bytes = await context.instance.get(absolute).catch((error: unknown) => {
    throw new InputError(`document: ${absolute} cannot be read: ${(error as Error).message}`, { cause: error });
  });
  return textOf(bytes, absolute);
}

/** @throws {InputError} */
function textOf(bytes: Buffer, path: string): string {
  try {
    return readUtf8(bytes);
  } catch (error) {
    throw new InputError(`document: ${path} ${(error as Error).message}`, { cause: error });
  }
}

function parametersOf(given: InputValue | undefined): Readonly<Record<string, string>> {
  if (given === undefined || given === null) return {};
  if (!Array.isArray(given)) throw new InputError('parameters: expected a list of name and value');
  return Object.fromEntries(
    (given as readonly InputValue[]).map((each, index) => {
      const map = mapOf(each, `parameters[${index}]`);
      return [text(map, 'name'), optionalText(map, 'value') ?? ''];
    }),
  );
}
