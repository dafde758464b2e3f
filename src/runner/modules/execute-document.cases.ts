import type { ModuleCase } from '../module-case.ts';

/** A document in a file: `$1` its name, `$2` its steps. */
const DOCUMENT =
  `document() { printf 'schemaVersion: 1.0\\nparameters:\\n  - Who: {type: string, default: nobody}\\nphases:\\n  ` +
  '- name: build\\n    steps:\\n      - %s\\n  - name: other\\n    steps:\\n      - {name: Other, action: ' +
  `ExecuteBash, inputs: {commands: ["echo other >> said"]}}\\n' "$2" > "$1"; }`;
const SAYS =
  `${DOCUMENT}\ndocument d.yaml '{name: Say, action: ExecuteBash, inputs: {commands: ["echo hello {{ Who }} >> ` +
  `said"]}}'`;
const runs = (name: string): string => `{name: Down, action: ExecuteDocument, inputs: {document: ${name}}}`;

export const cases: readonly ModuleCase[] = [
  {
    it: 'runs all phases of a document, with defaults',
    given: SAYS,
    inputs: '{document: d.yaml}',
    look: 'cat said',
    shows: 'hello nobody\nother',
  },
  {
    it: 'runs some phases, with values',
    given: SAYS,
    inputs:
      '{document: DIR/d.yaml, phases: "build, none", parameters: [{name: Who, value: you}, {name: Unknown, value: x}]}',
    look: 'cat said',
    shows: 'hello you',
  },
  {
    it: 'fails as the document does',
    given: `${DOCUMENT}\ndocument d.yaml '{name: Bad, action: ExecuteBash, inputs: {commands: [exit 3]}}'`,
    inputs: '{document: d.yaml}',
    fails: 'the document d.yaml failed: build: Bad (ExecuteBash): exit status 3',
  },
  {
    it: 'validates the document',
    given: 'echo "phases: []" > d.yaml',
    inputs: '{document: d.yaml}',
    fails: /^the document is not valid: d\.yaml:1:1: error/,
  },
  {
    it: 'takes no document that is not UTF-8',
    given: `${SAYS}; printf '# Gr\\366\\337e' >> d.yaml`,
    inputs: '{document: d.yaml}',
    fails: /d\.yaml is not UTF-8: byte 0xf6 in line \d+, 5 bytes into it/,
  },
  {
    it: 'needs the document',
    inputs: '{document: d.yaml}',
    fails: /^document: DIR\/d\.yaml cannot be read|d\.yaml cannot be read/,
  },
  {
    it: 'needs values for parameters',
    given:
      "printf 'schemaVersion: 1.0\\nparameters: [{Who: {type: string}}]\\nphases: [{name: build, steps: []}]\\n' > " +
      'd.yaml',
    inputs: '{document: d.yaml}',
    fails: 'component d.yaml: parameter Who has no value and no default',
  },
  {
    it: 'runs no document in itself',
    given: `${DOCUMENT}\ndocument d.yaml '${runs('d.yaml')}'`,
    inputs: '{document: d.yaml}',
    fails: /d\.yaml is already running: a document cannot run itself, or a document that runs it/,
  },
  {
    it: 'runs no document that it is run by',
    given: `${DOCUMENT}\ndocument d.yaml '${runs('e.yaml')}'\ndocument e.yaml '${runs('d.yaml')}'`,
    inputs: '{document: d.yaml}',
    fails: /d\.yaml is already running/,
  },
  {
    it: 'runs documents three deep, and no deeper',
    given:
      `${DOCUMENT}\ndocument 1.yaml '${runs('2.yaml')}'; document 2.yaml '${runs('3.yaml')}'; document 3.yaml ` +
      `'${runs('4.yaml')}'; document 4.yaml '{name: X, action: ExecuteBash, inputs: {commands: ["true"]}}'`,
    inputs: '{document: 2.yaml}',
    look: 'cat said',
    shows: 'other\nother\nother',
  },
  {
    it: 'runs no document four deep',
    given:
      `${DOCUMENT}\ndocument 1.yaml '${runs('2.yaml')}'; document 2.yaml '${runs('3.yaml')}'; document 3.yaml ` +
      `'${runs('4.yaml')}'; document 4.yaml '{name: X, action: ExecuteBash, inputs: {commands: ["true"]}}'`,
    inputs: '{document: 1.yaml}',
    fails: /4\.yaml would be 4 documents deep; at most 3 below the first are allowed/,
  },
  {
    it: 'does not know components where there are none',
    inputs: '{document: "arn:aws:imagebuilder:us-east-1:123456789012:component/a/1.0.0/1"}',
    fails: /document: the component arn:aws:imagebuilder:\S+:component\/a\/1\.0\.0\/1 does not exist here/,
  },
];
