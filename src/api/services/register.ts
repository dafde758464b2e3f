/** The register of services on the endpoint: one entry each. README.md says how to add one. */
import { awsJson } from './protocols/aws-json.ts';
import { awsQuery, ec2Query } from './protocols/query.ts';
import type { ServiceEntry } from './service.ts';

const ENTRIES: readonly ServiceEntry[] = [
  {
    name: 'sts',
    title: 'AWS Security Token Service',
    sdkId: 'STS',
    protocol: awsQuery('https://sts.amazonaws.com/doc/2011-06-15/'),
    unsigned: ['AssumeRoleWithWebIdentity'],
    load: async () => (await import('./sts/service.ts')).sts,
  },
  {
    name: 'ssm',
    title: 'AWS Systems Manager',
    sdkId: 'SSM',
    protocol: awsJson('AmazonSSM', { InvalidPaginationTokenException: 'InvalidNextToken' }),
    load: async () => (await import('./ssm/service.ts')).ssm,
  },
  {
    name: 'ec2',
    title: 'Amazon EC2',
    sdkId: 'EC2',
    protocol: ec2Query('http://ec2.amazonaws.com/doc/2016-11-15/'),
    load: async () => (await import('./ec2/service.ts')).ec2,
  },
  {
    name: 'logs',
    title: 'Amazon CloudWatch Logs',
    sdkId: 'CloudWatch Logs',
    protocol: awsJson('Logs_20140328', {
      InvalidPaginationTokenException: 'InvalidParameterException',
      InvalidParameterValueException: 'InvalidParameterException',
    }),
    load: async () => (await import('./logs/service.ts')).logs,
  },
  {
    name: 'ecr',
    title: 'Amazon Elastic Container Registry',
    sdkId: 'ECR',
    protocol: awsJson('AmazonEC2ContainerRegistry_V20150921', {
      InvalidPaginationTokenException: 'InvalidParameterException',
      InvalidParameterValueException: 'InvalidParameterException',
      ServiceException: 'ServerException',
    }),
    load: async () => (await import('./ecr/service.ts')).ecr,
  },
];

/** Services beside Image Builder, by their name in the scope of a signature. */
export const SERVICES: ReadonlyMap<string, ServiceEntry> = new Map(ENTRIES.map((entry) => [entry.name, entry]));
