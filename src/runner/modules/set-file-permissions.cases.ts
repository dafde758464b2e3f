import type { ModuleCase } from '../module-case.ts';

export const cases: readonly ModuleCase[] = [
  {
    it: 'sets exactly the mode',
    given: 'touch f g h',
    inputs: '[{path: f, permissions: 0777}, {path: g, permissions: "600"}, {path: h, permissions: 4755}]',
    look: 'stat -c %a f g h',
    shows: '777\n600\n4755',
  },
  {
    it: 'changes what a link leads to',
    given: 'touch f; ln -s f l',
    inputs: '[{path: l, permissions: 0600}]',
    look: 'stat -c %a f',
    shows: '600',
  },
  { it: 'needs the file', inputs: '[{path: f, permissions: 0600}]', fails: 'DIR/f does not exist' },
  {
    it: 'is not for folders',
    given: 'mkdir f',
    inputs: '[{path: f, permissions: 0600}]',
    fails: 'DIR/f is a folder; SetFolderPermissions is for folders',
  },
];
