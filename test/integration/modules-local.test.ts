/** The modules' tables against this host: fast, and the same as on real instances. */
import { after, before } from 'node:test';
import { localInstance, type LocalInstance } from '../harness/local-instance.ts';
import { moduleCases } from '../harness/module-cases.ts';

let instance: LocalInstance;

before(async () => {
  instance = await localInstance();
});
after(() => instance.terminate());

moduleCases(
  () => instance,
  () => `${instance.directory}/the work`,
);
