/** `ingot toe validate`. Source: reference, `awstoe.md` section 8. */
import { WrongUse, type Arguments, type Command } from './command.ts';
import { FILE_OPTIONS } from './local-files/find.ts';
import { InvalidDocuments, loadDocuments, readDocument } from './toe/documents.ts';
import { CLIENT_OPTIONS } from './client.ts';
import { filesBeside } from './toe/local-files.ts';
import { RUN_OPTIONS, list } from './toe/request.ts';
import { tellWarnings } from './toe/session.ts';

export const toeValidate: Command = {
  usage: 'toe validate [OPTIONS] [DOCUMENT...]',
  about: `
Validates component documents like \`awstoe validate\`. The result goes to stdout as JSON. Errors and warnings go to
stderr with line and column.`,
  options: {
    documents: RUN_OPTIONS['documents']!,
    'blocked-action-modules': RUN_OPTIONS['blocked-action-modules']!,
    trace: { short: 't', help: 'accepted for compatibility; has no effect' },
    'document-s3-bucket-owner': RUN_OPTIONS['document-s3-bucket-owner']!,
    ...FILE_OPTIONS,
    ...CLIENT_OPTIONS,
  },
  notes: 'Only documents that are ARNs need the data directory.',
  exitCodes: { 0: 'valid', 1: 'invalid', 2: 'usage error' },
  examples: ['ingot toe validate nginx.yaml'],
  positionals: ['DOCUMENT...'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const paths = [...list(args.text('documents')), ...args.positionals];
  if (paths.length === 0) throw new WrongUse('no document to validate: name one, or use --documents');
  const texts = await Promise.all(paths.map((path) => readDocument(path, args)));
  try {
    const documents = loadDocuments(texts, list(args.text('blocked-action-modules')));
    await filesBeside(documents, args);
    tellWarnings(documents);
    verdict('success', 'Validation successful.');
    return 0;
  } catch (error) {
    if (!(error instanceof InvalidDocuments)) throw error;
    process.stderr.write(`${error.message}\n`);
    verdict('failed', error.message);
    return 1;
  }
}

function verdict(validationStatus: 'success' | 'failed', message: string): void {
  process.stdout.write(`${JSON.stringify({ validationStatus, message }, undefined, 4)}\n`);
}
