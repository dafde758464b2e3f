/** Secrets in the environment of the building process: `prod/db` is `INGOT_SECRET_PROD_DB`. */
import { plainName, type ProviderType, type SecretQuery } from './provider.ts';

const DEFAULT_PREFIX = 'INGOT_SECRET_';

/** The variable of a secret: in upper case, with `_` for every character that a variable's name cannot contain. */
function variableOf(prefix: string, query: Pick<SecretQuery, 'service' | 'name'>): string {
  return `${prefix}${plainName(query)
    .replace(/^\//, '')
    .replaceAll(/[^A-Za-z0-9]/g, '_')
    .toUpperCase()}`;
}

export const environment: ProviderType = {
  settings: ['prefix'],
  make({ prefix = DEFAULT_PREFIX }, fault, program) {
    if (typeof prefix !== 'string' || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(prefix))
      fault('prefix', "must be the beginning of a variable's name");
    return {
      describe: (query) => `the variable ${variableOf(String(prefix), query)} in the environment of ${program}`,
      async look(query) {
        if (query.stage !== undefined || query.version !== undefined) return undefined;
        return process.env[variableOf(String(prefix), query)];
      },
    };
  },
};
