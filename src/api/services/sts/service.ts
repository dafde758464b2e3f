/** STS: the identity of the caller, and sessions of roles. */
import type { Service } from '../service.ts';
import { assumeRoleWithWebIdentity, sessions } from './sessions.ts';

export const sts: Service = {
  schemas: '@aws-sdk/client-sts/dist-cjs/schemas/schemas_0.js',
  operations: sessions,
  unsigned: { AssumeRoleWithWebIdentity: assumeRoleWithWebIdentity },
};
