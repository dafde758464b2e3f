import type { ModuleCase } from '../module-case.ts';

const TREE =
  'mkdir -p d/deep "d/b c"; touch d/2.txt d/1.txt d/.hidden.txt d/note.md "d/a b.txt" d/deep/3.txt; ln -s 1.txt ' +
  'd/link.txt; ln -s deep d/other';

export const cases: readonly ModuleCase[] = [
  {
    it: 'lists the files of a folder',
    given: TREE,
    inputs: '[{path: DIR/d}]',
    outputs: { files: 'DIR/d/.hidden.txt,DIR/d/1.txt,DIR/d/2.txt,DIR/d/a b.txt,DIR/d/link.txt,DIR/d/note.md' },
  },
  {
    it: 'lists those that match',
    given: TREE,
    inputs: '[{path: DIR/d/, fileNamePattern: "*.md"}]',
    outputs: { files: 'DIR/d/note.md' },
  },
  {
    it: 'lists folders in folders',
    given: TREE,
    inputs: '[{path: d, fileNamePattern: "?.txt", recursive: true}, {path: d, fileNamePattern: 3*, recursive: true}]',
    outputs: { files: '\nDIR/d/deep/3.txt' },
  },
  { it: 'may find none', given: 'mkdir d', inputs: '[{path: d}]', outputs: { files: '' } },
  { it: 'needs the folder', inputs: '[{path: d}]', fails: 'DIR/d does not exist' },
  { it: 'is not for files', given: 'touch d', inputs: '[{path: d}]', fails: 'DIR/d is not a folder' },
];
