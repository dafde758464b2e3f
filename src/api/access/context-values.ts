/**
 * The context of a request, for conditions and variables of policies. Source: IAM User Guide, "AWS global condition
 * context keys".
 */
import type { ContextValues } from '../../policies/conditions.ts';
import { tagValues } from '../../policies/tag-keys.ts';
import type { RequestContext } from '../context.ts';
import type { Need } from './demands.ts';

const PRINCIPAL_TYPES = {
  root: 'Account',
  user: 'User',
  'assumed-role': 'AssumedRole',
  federated: 'FederatedUser',
} as const;

/** The values of context keys for one permission of a request. */
export function contextValues(
  context: RequestContext,
  need: Pick<Need, 'tags' | 'tagKeys' | 'keys'> & { readonly claims?: ContextValues },
  resourceAccount: string | undefined,
  resourceTags: Readonly<Record<string, string>>,
): ContextValues {
  const {
    identity: { principal, userName, session },
    region,
    sourceIp,
    userAgent,
    now,
  } = context;
  return (key, spelled) => {
    const slash = key.indexOf('/');
    if (slash > 0) {
      const tags = {
        'aws:requesttag': need.tags,
        'aws:resourcetag': resourceTags,
        'ec2:resourcetag': resourceTags,
        'ecr:resourcetag': resourceTags,
        'aws:principaltag': principal.tags,
      }[key.slice(0, slash)];
      if (tags !== undefined) return tagValues(tags, key.slice(slash + 1));
    }
    switch (key) {
      case 'aws:currenttime':
        return [new Date(now).toISOString()];
      case 'aws:epochtime':
        return [String(Math.floor(now / 1000))];
      case 'aws:sourceip':
        return one(sourceIp);
      case 'aws:useragent':
        return one(userAgent);
      case 'aws:requestedregion':
        return [region];
      case 'aws:securetransport':
        return ['false'];
      case 'aws:viaawsservice':
      case 'aws:principalisawsservice':
        return ['false'];
      case 'aws:principalarn':
        return [principal.roleArn ?? principal.arn];
      case 'aws:principalaccount':
        return [principal.account];
      case 'aws:principaltype':
        return [PRINCIPAL_TYPES[principal.type]];
      case 'aws:userid':
        return [principal.id];
      case 'aws:username':
        return one(userName);
      case 'aws:resourceaccount':
        return one(resourceAccount);
      case 'aws:tokenissuetime':
        return session === undefined ? undefined : [new Date(session.issued).toISOString()];
      case 'aws:sourceidentity':
        return one(session?.sourceIdentity);
      case 'aws:federatedprovider':
        return one(session?.federatedProvider);
      case 'aws:tagkeys':
        return need.tagKeys ?? (need.tags === undefined ? undefined : Object.keys(need.tags));
      default:
        return need.keys !== undefined && Object.hasOwn(need.keys, key) ? need.keys[key] : need.claims?.(key, spelled);
    }
  };
}

function one(value: string | undefined): readonly string[] | undefined {
  return value === undefined ? undefined : [value];
}
