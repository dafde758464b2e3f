import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { describeFile, recognize, type FileKind } from './recognize.ts';

const ROWS: readonly (readonly [name: string, text: string, kind: FileKind])[] = [
  ['a.yaml', 'schemaVersion: 1.0\nphases:\n  - name: build\n', 'component'],
  ['a.yaml', '# a comment\n---\nname: x\nschemaVersion: "1.0"\nparameters: []\nphases: [\n', 'component'],
  ['a.json', '{"schemaVersion": 1.0, "phases": []}', 'component'],
  ['a.yml', 'name: w\nschemaVersion: 1.0\nsteps:\n  - name: Launch\n', 'workflow'],
  ['t.yaml', 'AWSTemplateFormatVersion: 2010-09-09\nResources: {}\n', 'cloudformation'],
  ['t.yaml', 'Parameters:\n  A: {Type: String}\nResource:\n  A: 1\n', 'cloudformation'],
  ['t.yaml', '  Parameters:\n    A: {Type: String}\n  Resources:\n    A: 1\n', 'cloudformation'],
  ['t.json', '{"Resources": {"A": {}}}', 'cloudformation'],
  ['t.json', '{\n  "Resources": {\n    "A": {,\n}', 'cloudformation'],
  ['p.json', '{"builders": [{"type": "qemu"}], "provisioners": []}', 'packer-json'],
  ['p.pkr.hcl', '', 'packer-hcl'],
  ['p.hcl', 'variable "a" {}\nsource "amazon-ebs" "web" {\n  region = "x"\n}\nbuild {\n}\n', 'packer-hcl'],
  ['main.tf', '', 'terraform'],
  ['main.hcl', 'terraform {\n}\nresource "aws_imagebuilder_component" "a" {\n}\n', 'terraform'],
  ['Dockerfile', 'RUN x', 'dockerfile'],
  ['web.Dockerfile', '', 'dockerfile'],
  [
    'build',
    '# syntax=docker/dockerfile:1\nARG BASE=debian\nFROM --platform=linux/amd64 ${BASE} AS build\n',
    'dockerfile',
  ],
  ['user-data', '#cloud-config\npackages: [nginx]\n', 'cloud-init'],
  ['user-data', '## template: jinja\n#cloud-config\nruncmd: []\n', 'cloud-init'],
  ['seed.yaml', 'packages: [nginx]\nruncmd:\n  - ls\n', 'cloud-init'],
  ['site.yml', '---\n- hosts: all\n  become: true\n  tasks: []\n', 'ansible'],
  ['site.yml', '- name: Web\n  hosts: web\n', 'ansible'],
  ['tasks.yml', '- name: Install nginx\n  ansible.builtin.package:\n    name: nginx\n', 'ansible'],
  ['install.sh', 'apt-get install nginx', 'shell'],
  ['install', '#!/bin/bash\napt-get install nginx', 'shell'],
  ['install.ps1', 'Install-WindowsFeature', 'shell'],
  ['README.md', '# Hello\n\nText.\n', 'unknown'],
  ['list.yaml', '- a\n- b\n', 'unknown'],
  ['empty', '', 'unknown'],
  ['numbers.json', '[1, 2]', 'unknown'],
  ['null.json', '[null]', 'unknown'],
];

test('a file is recognized by its name and its content, also with faults', () => {
  for (const [name, text, kind] of ROWS) assert.equal(recognize(name, text), kind, `${name}: ${text.slice(0, 60)}`);
});

test('with a byte order mark and Windows line ends', () => {
  assert.equal(recognize('a.yaml', '\ufeffschemaVersion: 1.0\r\nphases:\r\n'), 'component');
  assert.equal(recognize('Build', 'FROM debian\r\nRUN x\r\n'), 'dockerfile');
});

test('one line says what it is and which command accepts it', () => {
  assert.equal(
    describeFile('a.yaml', 'cloudformation', 'ingot'),
    'a.yaml is a CloudFormation template: `ingot build a.yaml` builds its images',
  );
});

test('files that come with Ingot are recognized', () => {
  const root = new URL('../../', import.meta.url).pathname;
  const of = (pattern: string): readonly string[] => globSync(pattern, { cwd: root }).map((path) => `${root}${path}`);
  const kinds = (paths: readonly string[]) => [
    ...new Set(paths.map((path) => recognize(path, readFileSync(path, 'utf8')))),
  ];
  assert.deepEqual(kinds(of('managed/components/**/*.yaml').filter((path) => !path.endsWith('index.yaml'))), [
    'component',
  ]);
  assert.deepEqual(kinds(of('managed/workflows/**/*.yaml').filter((path) => !path.endsWith('index.yaml'))), [
    'workflow',
  ]);
  assert.deepEqual(kinds(of('examples/**/template.yaml')), ['cloudformation']);
});
