/** Whether a text is PowerShell: the grammar by which VS Code reads it. No machine here runs it. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type * as TreeSitter from '@vscode/tree-sitter-wasm';

const require = createRequire(import.meta.url);
let parser: Promise<TreeSitter.Parser> | undefined;

/** One line for each syntax error of a PowerShell text; empty if it is valid. */
export async function powerShellFaults(text: string): Promise<readonly string[]> {
  const tree = (await (parser ??= open())).parse(text);
  const lines = text.split('\n');
  const faults: string[] = [];
  const look = (node: TreeSitter.Node): void => {
    if (node.isError || node.isMissing)
      faults.push(`${node.startPosition.row + 1}:${node.startPosition.column + 1}: ${lines[node.startPosition.row]}`);
    else if (node.hasError) for (const child of node.children) if (child !== null) look(child);
  };
  look(tree!.rootNode);
  return faults;
}

async function open(): Promise<TreeSitter.Parser> {
  const path = require.resolve('@vscode/tree-sitter-wasm');
  const { Parser, Language } = require(path) as typeof TreeSitter;
  await Parser.init({ locateFile: (name: string) => join(dirname(path), name) });
  const opened = new Parser();
  opened.setLanguage(await Language.load(join(dirname(path), 'tree-sitter-powershell.wasm')));
  return opened;
}
