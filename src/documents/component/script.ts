/** A shell script as a component document. Source: reference, `resources.md` section 6, ImportComponent. */
import { Document, Scalar } from 'yaml';

/** A script that becomes a component. */
export interface ImportedScript {
  readonly name: string;
  readonly description?: string | undefined;
  readonly type: 'BUILD' | 'TEST';
  readonly platform: 'Linux' | 'Windows' | 'macOS';
  readonly script: string;
}

/** The document that runs a script in the phase of its type: YAML with the unchanged script. */
export function documentOfScript({ name, description, type, platform, script }: ImportedScript): string {
  const version = new Scalar(1);
  version.minFractionDigits = 1;
  const step = {
    name: 'RunScript',
    action: platform === 'Windows' ? 'ExecutePowerShell' : 'ExecuteBash',
    inputs: { commands: [script] },
  };
  const document = new Document({
    name,
    description,
    schemaVersion: version,
    phases: [{ name: type === 'BUILD' ? 'build' : 'test', steps: [step] }],
  });
  return document.toString({ lineWidth: 0, blockQuote: 'literal' });
}
