import type { ModuleCase } from '../module-case.ts';

export const cases: readonly ModuleCase[] = [
  {
    it: 'moves all of it to a new name',
    given: 'mkdir -p d/deep; echo b > d/deep/b; chown -R daemon d',
    inputs: '[{source: d, destination: x/e}]',
    look: "ls; stat -c '%U %n' x/e/deep/b",
    shows: 'x\ndaemon x/e/deep/b',
  },
  {
    it: 'keeps the name in a folder',
    given: 'mkdir d',
    inputs: '[{source: d, destination: x/}]',
    look: 'ls x',
    shows: 'd',
  },
  {
    it: 'fills a folder that is there',
    given: 'mkdir d e; echo a > d/a; echo old > e/a; touch e/kept',
    inputs: '[{source: d, destination: e}]',
    look: 'ls . e; cat e/a',
    shows: '.:\ne\n\ne:\na\nkept\na',
  },
  {
    it: 'fills nothing when overwrite is false',
    given: 'mkdir d e',
    inputs: '[{source: d, destination: e, overwrite: false}]',
    fails: 'DIR/e exists, and overwrite is false',
  },
  {
    it: 'moves folders that match',
    given: 'mkdir a1 a2 b; touch a3',
    inputs: '[{source: "a*", destination: x/}]',
    look: 'ls . x',
    shows: '.:\na3\nb\nx\n\nx:\na1\na2',
  },
  { it: 'needs the source', inputs: '[{source: d, destination: e}]', fails: 'DIR/d does not exist' },
  {
    it: 'moves no folder into itself',
    given: 'mkdir d',
    inputs: '[{source: d, destination: d/e}]',
    fails: 'DIR/d/e lies in DIR/d',
    look: 'ls',
    shows: 'd',
  },
];
