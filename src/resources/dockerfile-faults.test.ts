import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { instructionFault } from './dockerfile-faults.ts';

const FROM = 'FROM {{{ imagebuilder:parentImage }}}\n';

for (const good of [
  FROM,
  `# syntax=docker/dockerfile:1\nARG X=1\n${FROM}RUN <<EOF\napt-get update\nEOF\nCMD ["x"]\n`,
  `FROM golang:1 AS tools\n${FROM}COPY --from=tools /a /a\n` +
    '{{{imagebuilder:environments}}}\n{{{imagebuilder:components}}}\n',
  `${FROM}run apt-get update && \\\n    apt-get install -y nginx\nonbuild run true\n`,
  `FROM --platform=linux/amd64 {{{ imagebuilder:parentImage }}} AS a\nHEALTHCHECK NONE\n`,
])
  test(`valid: ${JSON.stringify(good.slice(0, 60))}`, () => equal(instructionFault(good), undefined));

for (const [bad, expected] of [
  [`${FROM}RUNN true\n`, /^Line 2, column 1: 'RUNN' is not a Dockerfile instruction/],
  [`RUN true\n${FROM}`, /^Line 1, column 1: RUN needs a FROM/],
  [`${FROM}  WORKDIR\n`, /^Line 2, column 3: WORKDIR needs an argument/],
  [`${FROM}LABEL x={{{ imagebuilder:version }}}\n`, /^Line 2, column 9: .*unknown variable/],
  [`${FROM}RUN {{{ imagebuilder:components }}}\n`, /^Line 2, column 5: .*line of its own/],
  [`${FROM}{{{imagebuilder:components}}}\n{{{imagebuilder:components}}}\n`, /^Line 3, column 1: .*already on line 2/],
  ['{{{ imagebuilder:components }}}\nFROM {{{ imagebuilder:parentImage }}}\n', /^Line 1, column 1: .*after a FROM/],
  ['# {{{ imagebuilder:parentImage }}}\n', /no FROM instruction/],
] as const)
  test(`a fault with its position: ${JSON.stringify(bad.slice(0, 60))}`, () =>
    match(instructionFault(bad) ?? 'none', expected));
