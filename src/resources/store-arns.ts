/** ARNs of parameters of Systems Manager and of secrets of Secrets Manager. Source: AWS Service Authorization Reference. */

/** The ARN of a parameter or a secret, taken apart. */
export interface StoreArn {
  /** The ARN itself. */
  readonly arn: string;
  readonly partition: string;
  readonly service: 'ssm' | 'secretsmanager';
  readonly region: string;
  /** 12 digits; absent in those of public parameters. */
  readonly account?: string;
  /** What follows `parameter/` or `secret:`. */
  readonly name: string;
}

const FORM =
  /^arn:([a-z-]+):(?:(ssm):([a-z0-9-]+):(\d{12})?:parameter\/|(secretsmanager):([a-z0-9-]+):(\d{12}):secret:)([A-Za-z0-9/_+=.@-]+)/;

/** Reads the ARN that a text begins with; `undefined` when it begins with none. */
export function readStoreArn(text: string): StoreArn | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [arn, partition, ssm, ssmRegion, ssmAccount, secrets, secretsRegion, secretsAccount, name] = match;
  return {
    arn,
    partition: partition!,
    service: (ssm ?? secrets) as StoreArn['service'],
    region: (ssmRegion ?? secretsRegion)!,
    account: ssmAccount ?? secretsAccount,
    name: name!,
  };
}

/** Reads a text that is such an ARN and nothing else. */
export function parseStoreArn(text: string): StoreArn | undefined {
  const found = readStoreArn(text);
  return found?.arn === text ? found : undefined;
}

/** The ARN of a parameter of an account and Region; a slash in front of its name is not written twice. */
export function parameterArn(
  name: string,
  { region, account }: { readonly region: string; readonly account: string },
): string {
  return `arn:aws:ssm:${region}:${account}:parameter/${name.replace(/^\//, '')}`;
}
