/**
 * Secrets in AWS Secrets Manager and Parameter Store, read with the credentials that the AWS SDK finds on this host.
 */
import { getParameter, getSecretValue, type AwsSettings } from '../platform/aws-secrets.ts';
import { SecretError, type ProviderType } from './provider.ts';

export const aws: ProviderType = {
  settings: ['region', 'endpoint', 'profile'],
  make(settings, fault) {
    for (const name of ['region', 'endpoint', 'profile']) {
      const given = settings[name];
      if (given !== undefined && (typeof given !== 'string' || given === '')) fault(name, 'must be a text');
    }
    const { endpoint } = settings;
    if (typeof endpoint === 'string' && !/^https?:\/\/[^\s?#]+$/.test(endpoint))
      fault('endpoint', 'must be an address');
    return {
      describe: ({ service, region }) =>
        `AWS ${service === 'secretsmanager' ? 'Secrets Manager' : 'Parameter Store'} in ` +
        `${String(settings['region'] ?? region)}`,
      async look(query, signal) {
        const where: AwsSettings = { region: query.region, ...settings, signal };
        try {
          if (query.service === 'secretsmanager') {
            return await getSecretValue(where, {
              id: query.name,
              stage: query.stage,
              version: query.version,
            });
          }
          return await getParameter(
            where,
            query.version === undefined ? query.name : `${query.name}:${query.version}`,
            query.service === 'ssm-secure',
          );
        } catch (error) {
          signal?.throwIfAborted();
          throw new SecretError(`AWS answered ${(error as Error).name}: ${(error as Error).message}`, { cause: error });
        }
      },
    };
  },
};
