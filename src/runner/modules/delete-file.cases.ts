import type { ModuleCase } from '../module-case.ts';

export const cases: readonly ModuleCase[] = [
  { it: 'deletes files', given: 'touch f g h', inputs: '[{path: f}, {path: g}]', look: 'ls', shows: 'h' },
  {
    it: 'deletes what matches, and no folder',
    given: 'touch a.log .b.log c.txt; mkdir d.log',
    inputs: '[{path: "*.log"}]',
    look: 'ls -A',
    shows: 'c.txt\nd.log',
  },
  { it: 'takes what is not there for deleted', inputs: '[{path: f}, {path: "*.log"}]' },
  {
    it: 'deletes a link, not what it leads to',
    given: 'echo a > f; mkdir d; ln -s f l; ln -s d k; ln -s nowhere n',
    inputs: '[{path: l}, {path: k}, {path: n}]',
    look: 'ls',
    shows: 'd\nf',
  },
  {
    it: 'deletes no folder',
    given: 'mkdir d',
    inputs: '[{path: d}]',
    fails: 'DIR/d is a folder; DeleteFolder deletes folders',
    look: 'ls',
    shows: 'd',
  },
];
