import type { ModuleCase } from '../module-case.ts';

export const cases: readonly ModuleCase[] = [
  {
    it: 'moves to a new name, and makes folders',
    given: 'echo a > f; chmod 640 f; chown daemon:mail f',
    inputs: '[{source: f, destination: x/g}]',
    look: "ls; cat x/g; stat -c '%a %U' x/g",
    shows: 'x\na\n640 daemon',
  },
  {
    it: 'keeps the name in a folder',
    given: 'echo a > f',
    inputs: '[{source: f, destination: x/}]',
    look: 'find . -type f',
    shows: './x/f',
  },
  {
    it: 'replaces',
    given: 'echo a > f; echo b > g; chmod 0 g',
    inputs: '[{source: f, destination: g}]',
    look: 'ls; cat g',
    shows: 'g\na',
  },
  {
    it: 'replaces nothing when overwrite is false',
    given: 'echo a > f; echo b > g',
    inputs: '[{source: f, destination: g, overwrite: false}]',
    fails: 'DIR/g exists, and overwrite is false',
    look: 'cat f g',
    shows: 'a\nb',
  },
  {
    it: 'moves what matches',
    given: 'touch a.txt b.txt c.md',
    inputs: '[{source: "*.txt", destination: x/}]',
    look: 'ls . x',
    shows: '.:\nc.md\nx\n\nx:\na.txt\nb.txt',
  },
  { it: 'needs the source', inputs: '[{source: f, destination: g}]', fails: 'DIR/f does not exist' },
  { it: 'is not for folders', given: 'mkdir f', inputs: '[{source: f, destination: g}]', fails: 'DIR/f is not a file' },
  {
    it: 'loses no file that is moved to itself',
    given: 'echo a > f',
    inputs: '[{source: f, destination: f}]',
    fails: 'DIR/f and DIR/f are the same file',
    look: 'cat f',
    shows: 'a',
  },
];
