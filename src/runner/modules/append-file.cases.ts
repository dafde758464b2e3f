import type { ModuleCase } from '../module-case.ts';

export const cases: readonly ModuleCase[] = [
  {
    it: 'adds to the end',
    given: 'printf one > f; chmod 640 f',
    inputs: '[{path: f, content: " two"}, {path: f, content: "\\n"}]',
    look: 'cat f; stat -c %a f',
    shows: 'one two\n640',
  },
  { it: 'adds nothing without content', given: 'echo one > f', inputs: '[{path: f}]', look: 'cat f', shows: 'one' },
  {
    it: 'encodes',
    given: ': > f',
    inputs: '[{path: f, content: a, encoding: utf-16-be}]',
    look: 'od -An -tx1 f',
    shows: ' 00 61',
  },
  {
    it: 'makes no file',
    inputs: '[{path: f, content: a}]',
    fails: 'DIR/f does not exist; CreateFile makes files',
    look: 'ls',
    shows: '',
  },
  { it: 'is not for folders', given: 'mkdir f', inputs: '[{path: f, content: a}]', fails: 'DIR/f is a folder' },
];
