/** The parameters that every template has, such as `AWS::Region`. */
import { createHash } from 'node:crypto';
import type { Position } from '../documents/position.ts';
import { type Faults, suggestion } from './faults.ts';
import { textAt, type Value } from './nodes.ts';
import type { PseudoParameters } from './scope.ts';

/** Their names. */
export const PSEUDO_NAMES = [
  'AWS::AccountId',
  'AWS::NoValue',
  'AWS::NotificationARNs',
  'AWS::Partition',
  'AWS::Region',
  'AWS::StackId',
  'AWS::StackName',
  'AWS::URLSuffix',
];

/** The value of any of them except AWS::NoValue, which has none. */
export function pseudoParameter(
  name: string,
  position: Position,
  path: string,
  pseudo: PseudoParameters,
  faults: Faults,
): Value | undefined {
  switch (name) {
    case 'AWS::Region':
      return textAt(pseudo.region, position);
    case 'AWS::AccountId':
      return textAt(pseudo.accountId, position);
    case 'AWS::Partition':
      return textAt(pseudo.partition, position);
    case 'AWS::StackName':
      return textAt(pseudo.stackName, position);
    case 'AWS::StackId':
      return textAt(pseudo.stackId ?? stackIdOf(pseudo), position);
    case 'AWS::NotificationARNs':
      return {
        kind: 'list',
        items: (pseudo.notificationArns ?? []).map((arn) => textAt(arn, position)),
        position,
      };
    case 'AWS::URLSuffix':
      return textAt(urlSuffix(pseudo), position);
  }
  faults.add('unknown-reference', position, path, `unknown pseudo parameter ${name}${suggestion(name, PSEUDO_NAMES)}`);
  return undefined;
}

/** The domain of a partition's services. */
export function urlSuffix({ partition }: PseudoParameters): string {
  return partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
}

/** The id of a stack without a record: always the same for the same name, account and Region. */
export function stackIdOf(pseudo: PseudoParameters): string {
  const { partition, region, accountId, stackName } = pseudo;
  const hex = digestOf(pseudo, '').toString('hex');
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
  return `arn:${partition}:cloudformation:${region}:${accountId}:stack/${stackName}/${uuid}`;
}

/** Bytes that are always the same for the same name in the same stack. */
export function digestOf({ region, accountId, stackName }: PseudoParameters, what: string): Buffer {
  return createHash('sha256').update([region, accountId, stackName, what].join('\n')).digest();
}
