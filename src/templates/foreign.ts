/**
 * Resources of other services. They are not created, so they only have names: `Ref` is the property that names them or
 * a name generated as in CloudFormation, `Fn::GetAtt` an ARN or an id of the right form.
 */
import { textAt, type Value } from './nodes.ts';
import { digestOf, urlSuffix } from './pseudo.ts';
import type { PseudoParameters } from './scope.ts';

/** How resources of a type are named. */
interface Naming {
  /** The property with its name. */
  readonly name?: string;
  /** Prefix of its id, if it has an id and no name. */
  readonly id?: string;
  /** Its ARN without `arn:PARTITION:`; `{…}` are Region, account, name and path. */
  readonly arn?: string;
  /** The value of `Ref`, if it is not the name or the id. */
  readonly ref?: 'arn' | 'url' | 'address';
  /** Whether names are in lower case. */
  readonly small?: true;
}

const NAMING: Readonly<Record<string, Naming>> = {
  'AWS::AutoScaling::AutoScalingGroup': { name: 'AutoScalingGroupName' },
  'AWS::CloudWatch::Alarm': { name: 'AlarmName', arn: 'cloudwatch:{region}:{account}:alarm:{name}' },
  'AWS::CodeBuild::Project': { name: 'Name', arn: 'codebuild:{region}:{account}:project/{name}' },
  'AWS::CodeCommit::Repository': { id: '', arn: 'codecommit:{region}:{account}:{name}' },
  'AWS::CodePipeline::Pipeline': { name: 'Name', arn: 'codepipeline:{region}:{account}:{name}' },
  'AWS::DynamoDB::Table': { name: 'TableName', arn: 'dynamodb:{region}:{account}:table/{name}' },
  'AWS::EC2::CustomerGateway': { id: 'cgw' },
  'AWS::EC2::DHCPOptions': { id: 'dopt' },
  'AWS::EC2::EIP': { ref: 'address' },
  'AWS::EC2::FlowLog': { id: 'fl' },
  'AWS::EC2::Instance': { id: 'i', arn: 'ec2:{region}:{account}:instance/{name}' },
  'AWS::EC2::InternetGateway': { id: 'igw' },
  'AWS::EC2::KeyPair': { name: 'KeyName' },
  'AWS::EC2::LaunchTemplate': { id: 'lt', arn: 'ec2:{region}:{account}:launch-template/{name}' },
  'AWS::EC2::NatGateway': { id: 'nat' },
  'AWS::EC2::NetworkAcl': { id: 'acl' },
  'AWS::EC2::NetworkInterface': { id: 'eni' },
  'AWS::EC2::PrefixList': { id: 'pl' },
  'AWS::EC2::RouteTable': { id: 'rtb' },
  'AWS::EC2::SecurityGroup': { id: 'sg' },
  'AWS::EC2::Subnet': { id: 'subnet' },
  'AWS::EC2::SubnetRouteTableAssociation': { id: 'rtbassoc' },
  'AWS::EC2::TransitGateway': { id: 'tgw' },
  'AWS::EC2::VPC': { id: 'vpc' },
  'AWS::EC2::VPCEndpoint': { id: 'vpce' },
  'AWS::EC2::Volume': { id: 'vol' },
  'AWS::ECR::Repository': { name: 'RepositoryName', arn: 'ecr:{region}:{account}:repository/{name}', small: true },
  'AWS::EFS::FileSystem': { id: 'fs', arn: 'elasticfilesystem:{region}:{account}:file-system/{name}' },
  'AWS::Events::Rule': { name: 'Name', arn: 'events:{region}:{account}:rule/{name}' },
  'AWS::IAM::Group': { name: 'GroupName', arn: 'iam::{account}:group{path}{name}' },
  'AWS::IAM::InstanceProfile': { name: 'InstanceProfileName', arn: 'iam::{account}:instance-profile{path}{name}' },
  'AWS::IAM::ManagedPolicy': { name: 'ManagedPolicyName', arn: 'iam::{account}:policy{path}{name}', ref: 'arn' },
  'AWS::IAM::Policy': { name: 'PolicyName' },
  'AWS::IAM::Role': { name: 'RoleName', arn: 'iam::{account}:role{path}{name}' },
  'AWS::IAM::User': { name: 'UserName', arn: 'iam::{account}:user{path}{name}' },
  'AWS::KMS::Alias': { name: 'AliasName' },
  'AWS::KMS::Key': { id: 'uuid', arn: 'kms:{region}:{account}:key/{name}' },
  'AWS::KMS::ReplicaKey': { id: 'uuid', arn: 'kms:{region}:{account}:key/{name}' },
  'AWS::Lambda::Function': { name: 'FunctionName', arn: 'lambda:{region}:{account}:function:{name}' },
  'AWS::LicenseManager::License': {
    id: 'lic',
    arn: 'license-manager:{region}:{account}:license-configuration:{name}',
    ref: 'arn',
  },
  'AWS::Logs::LogGroup': { name: 'LogGroupName', arn: 'logs:{region}:{account}:log-group:{name}:*' },
  'AWS::S3::Bucket': { name: 'BucketName', arn: 's3:::{name}', small: true },
  'AWS::SNS::Topic': { name: 'TopicName', arn: 'sns:{region}:{account}:{name}', ref: 'arn' },
  'AWS::SQS::Queue': { name: 'QueueName', arn: 'sqs:{region}:{account}:{name}', ref: 'url' },
  'AWS::SSM::Association': { id: 'uuid' },
  'AWS::SSM::Document': { name: 'Name', arn: 'ssm:{region}:{account}:document/{name}' },
  'AWS::SSM::MaintenanceWindow': { id: 'mw' },
  'AWS::SSM::PatchBaseline': { id: 'pb' },
  'AWS::SecretsManager::Secret': { name: 'Name', arn: 'secretsmanager:{region}:{account}:secret:{name}', ref: 'arn' },
  'AWS::Serverless::Function': { name: 'FunctionName', arn: 'lambda:{region}:{account}:function:{name}' },
  'AWS::StepFunctions::StateMachine': {
    name: 'StateMachineName',
    arn: 'states:{region}:{account}:stateMachine:{name}',
    ref: 'arn',
  },
};

/** Attributes that are another resource's id. */
const ID_ATTRIBUTES: Readonly<Record<string, string>> = {
  AllocationId: 'eipalloc',
  DefaultNetworkAcl: 'acl',
  DefaultSecurityGroup: 'sg',
  GroupId: 'sg',
  InstanceId: 'i',
  InternetGatewayId: 'igw',
  LaunchTemplateId: 'lt',
  NatGatewayId: 'nat',
  NetworkAclAssociationId: 'aclassoc',
  RouteTableId: 'rtb',
  SubnetId: 'subnet',
  VolumeId: 'vol',
  VpcId: 'vpc',
};

/** The value of the property of a resource, or `undefined`. */
export type PropertyOf = (name: string) => Value | undefined;

/**
 * The name that CloudFormation would generate for a resource without one: `stack-LogicalId-RANDOM`, or an id. Always
 * the same for the same resource of the same stack.
 */
export function nameOfForeign(id: string, type: string, pseudo: PseudoParameters): string {
  const naming = NAMING[type];
  const digest = digestOf(pseudo, `${type} ${id}`);
  const hex = digest.toString('hex');
  if (naming?.id === 'uuid')
    return [
      hex.slice(0, 8),
      hex.slice(8, 12),
      `4${hex.slice(13, 16)}`,
      `a${hex.slice(17, 20)}`,
      hex.slice(20, 32),
    ].join('-');
  if (naming?.id !== undefined && naming.id !== '') return `${naming.id}-0${hex.slice(0, 16)}`;
  if (naming?.ref === 'address') return `203.0.113.${digest[0]!}`;
  const random = BigInt(`0x${hex}`).toString(36).toUpperCase().slice(0, 12);
  // At most as long as names of roles may be, with a margin.
  const name = `${pseudo.stackName.slice(0, 24)}-${id.slice(0, 24)}-${random}`;
  return naming?.small === true ? name.toLowerCase() : name;
}

/**
 * The value of `Ref` (`attribute` is `undefined`) or `Fn::GetAtt`.
 * @param property reads a property of the resource, without faults
 */
export function attributeOfForeign(
  id: string,
  type: string,
  attribute: string | undefined,
  property: PropertyOf,
  pseudo: PseudoParameters,
): Value {
  const naming = NAMING[type] ?? {};
  const position = { line: 1, column: 1 };
  const text = (value: string): Value => textAt(value, position);
  const kind = type.split('::').at(-1)!;
  // Most types without a row have a property of this form for the name.
  const given = property(naming.name ?? `${kind}Name`) ?? (naming.name === undefined ? property('Name') : undefined);
  const named = naming.id === undefined && (given?.kind === 'scalar' || given?.kind === 'unknown') ? given : undefined;
  if (named?.kind === 'unknown') return named;
  const name = named?.kind === 'scalar' && named.text !== '' ? named.text : nameOfForeign(id, type, pseudo);
  const arn = (): string => {
    const service = type.split('::')[1]?.toLowerCase() ?? 'custom';
    const form = naming.arn ?? `${service}:{region}:{account}:${kind.toLowerCase()}/{name}`;
    const path = property('Path');
    const values: Readonly<Record<string, string>> = {
      region: pseudo.region,
      account: pseudo.accountId,
      name,
      path: path?.kind === 'scalar' ? path.text : '/',
    };
    return `arn:${pseudo.partition}:${form.replace(/\{(\w+)\}/g, (_, key: string) => values[key]!)}`;
  };
  const { region, accountId } = pseudo;
  if (attribute === undefined) {
    if (naming.ref === 'arn') return text(arn());
    return text(naming.ref === 'url' ? `https://sqs.${region}.${urlSuffix(pseudo)}/${accountId}/${name}` : name);
  }
  const own = property(attribute);
  if (own !== undefined) return own;
  const last = attribute.split('.').at(-1)!;
  if (type.startsWith('AWS::') && /Arn$/.test(last)) return text(arn());
  if (type === 'AWS::S3::Bucket' && /Domain|URL/.test(last)) {
    const host =
      last === 'DomainName' ? `${name}.s3.${urlSuffix(pseudo)}` : `${name}.s3.${region}.${urlSuffix(pseudo)}`;
    return text(last === 'WebsiteURL' ? `http://${name}.s3-website-${region}.${urlSuffix(pseudo)}` : host);
  }
  if (last === 'RepositoryUri') return text(`${accountId}.dkr.ecr.${region}.${urlSuffix(pseudo)}/${name}`);
  if (last === 'AvailabilityZone') return text(`${region}a`);
  if (/CidrBlocks?$/.test(last)) return text('10.0.0.0/16');
  if (/(Private|Public)Ip(Address)?$/.test(last)) return text(last.startsWith('Private') ? '10.0.0.4' : '203.0.113.4');
  if (/^(LatestVersionNumber|DefaultVersionNumber|Version)$/.test(last)) return text('1');
  if (last === naming.name || last === 'Name' || last === 'Id' || last === `${kind}Name` || last === `${kind}Id`)
    return text(name);
  const prefix = ID_ATTRIBUTES[last];
  if (prefix !== undefined)
    return text(`${prefix}-0${digestOf(pseudo, `${type} ${id} ${attribute}`).toString('hex').slice(0, 16)}`);
  // A value that only the resource knows, such as the answer of a custom resource: small letters are valid in most
  // places.
  return text(`${pseudo.stackName}-${id}-${attribute.replaceAll('.', '-')}`.toLowerCase());
}
