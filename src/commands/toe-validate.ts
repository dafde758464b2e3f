/** `ingot toe validate`. Source: reference, `awstoe.md` section 8. */
import { WrongUse, type Arguments, type Command } from './command.ts';
import { InvalidDocuments, judge, readDocument } from './toe/documents.ts';
import { list } from './toe/request.ts';
import { tellWarnings } from './toe/session.ts';

export const toeValidate: Command = {
  usage: 'toe validate [DOCUMENT...] [--documents LIST] [--blocked-action-modules LIST]',
  help: `
Judges component documents, as \`awstoe validate\` does: the verdict as JSON on stdout, each fault and warning with its line and column on stderr.

  --documents, -d LIST           documents, with commas between: paths, or ARNs of component build versions
  --blocked-action-modules LIST  modules that no document may use
  --trace, -t                    accepted, without effect
  --document-s3-bucket-owner ID  accepted, without effect
  --data DIR                     the data directory that ARNs are looked up in (else INGOT_DATA, else /var/lib/ingot)
  --region REGION                the Region (else AWS_REGION, else us-east-1)

Exit code: 0 valid, 1 not valid, 2 used wrongly.

Example:
  ingot toe validate --documents nginx.yaml`,
  options: {
    documents: { type: 'string', short: 'd' },
    'blocked-action-modules': { type: 'string' },
    'document-s3-bucket-owner': { type: 'string' },
    trace: { type: 'boolean', short: 't' },
    data: { type: 'string' },
    region: { type: 'string' },
  },
  positionals: ['DOCUMENT...'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const paths = [...list(args.text('documents')), ...args.positionals];
  if (paths.length === 0) throw new WrongUse('there is no document to judge: name one, or --documents');
  const texts = await Promise.all(paths.map((path) => readDocument(path, args)));
  try {
    tellWarnings(judge(texts, list(args.text('blocked-action-modules'))));
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
