/** The runner against commands of this host: fast, and the same cases as on real instances. */
import { after, before } from 'node:test';
import { localInstance, type LocalInstance } from '../harness/local-instance.ts';
import { languageCases } from '../harness/language-cases.ts';
import { runnerCases } from '../harness/runner-cases.ts';

let instance: LocalInstance;

before(async () => {
  instance = await localInstance();
});
after(() => instance.terminate());

runnerCases(
  () => instance,
  () => `${instance.directory}/work`,
);
languageCases(
  () => instance,
  () => `${instance.directory}/work`,
);
