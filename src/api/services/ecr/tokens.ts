/** Passwords for the registry. */
import type * as sdk from '@aws-sdk/client-ecr';
import { REGISTRY_USER, sealRegistryToken } from '../../../distribution/registry/token.ts';
import type { Operations } from '../service.ts';

/** As AWS: 12 hours, in milliseconds. */
const LIFE_MS = 43_200_000;

export const tokens = {
  GetAuthorizationToken: {
    mutating: false,
    // AWS ignores the registry ids: a password is good for every registry that the caller may use.
    takes: ['registryIds'],
    needs: () => [{ resource: '*' }],
    async run(_input, { identity, services, now, host }) {
      const { accessKeyId, session } = identity;
      const expires = Math.min(now + LIFE_MS, session?.expires ?? Infinity);
      const password = sealRegistryToken(services.identities.sealer, {
        kind: 'caller',
        accessKeyId,
        ...(session === undefined ? {} : { sessionToken: identity.sessionToken! }),
        expires,
      });
      return {
        authorizationData: [
          {
            authorizationToken: Buffer.from(`${REGISTRY_USER}:${password}`).toString('base64'),
            expiresAt: new Date(expires),
            proxyEndpoint: `http://${host}`,
          },
        ],
      };
    },
  },
} satisfies Operations<typeof sdk>;
