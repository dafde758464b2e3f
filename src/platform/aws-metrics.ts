/** Amazon CloudWatch metrics, with the AWS SDK's credentials and retries. The SDK is loaded on first use. */
import type { MetricDatum } from '@aws-sdk/client-cloudwatch';
import { clientOptions, type AwsSettings } from './aws-secrets.ts';

/** Units of CloudWatch that Ingot uses. */
export type MetricUnit = 'Count' | 'Seconds' | 'Bytes' | 'None';

/** A value of a metric, or several that were observed in the same interval. */
export interface MetricData {
  readonly name: string;
  readonly unit: MetricUnit;
  /** At most 30. Neither a name nor a value is empty. */
  readonly dimensions: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** At most `MOST_METRIC_VALUES`. */
  readonly values: readonly number[];
}

/** Maximum number of values in one datum. Source: API Reference, MetricDatum. */
export const MOST_METRIC_VALUES = 150;
/**
 * Maximum number of data in a request. CloudWatch takes 1,000 and 1 MB; a datum with all of its values and dimensions
 * of 255 characters stays under 6 KB of JSON, which the SDK compresses. Source: API Reference, PutMetricData.
 */
export const MOST_METRIC_DATA = 150;
/** Characters of a dimension's value. Source: API Reference, Dimension. */
const LONGEST_VALUE = 1024;

/** Codes of requests that CloudWatch rejects however often they are sent. */
const PERMANENT: readonly string[] = [
  'InvalidParameterValueException',
  'InvalidParameterCombinationException',
  'InvalidParameterValue',
  'InvalidParameterCombination',
  'MissingRequiredParameterException',
  'MissingParameter',
  'ValidationError',
];

/** CloudWatch will never accept this request. */
export class MetricsRefused extends Error {
  override readonly name = 'MetricsRefused';
}

/**
 * Sends at most `MOST_METRIC_DATA` data in one request.
 * @throws {MetricsRefused} if another attempt cannot help; the SDK's error for anything else
 */
export async function putMetricData(
  settings: AwsSettings,
  namespace: string,
  data: readonly MetricData[],
): Promise<void> {
  const { CloudWatchClient, PutMetricDataCommand } = await import('@aws-sdk/client-cloudwatch');
  const client = new CloudWatchClient(clientOptions(settings));
  try {
    const command = new PutMetricDataCommand({ Namespace: namespace, MetricData: data.map(datumOf) });
    await client.send(command, { abortSignal: settings.signal });
  } catch (error) {
    const { name, message } = error as Error;
    if (PERMANENT.includes(name)) throw new MetricsRefused(`${name}: ${message}`, { cause: error });
    throw error;
  } finally {
    client.destroy();
  }
}

function datumOf({ name, unit, dimensions, time, values }: MetricData): MetricDatum {
  return {
    MetricName: name,
    Unit: unit,
    Timestamp: new Date(time),
    Dimensions: Object.entries(dimensions).map(([Name, value]) => ({ Name, Value: dimensionValue(value) })),
    ...(values.length === 1 ? { Value: values[0] } : { Values: [...values] }),
  };
}

/** CloudWatch accepts printable ASCII that does not begin with a colon. */
function dimensionValue(value: string): string {
  return value
    .replaceAll(/[^ -~]/g, '?')
    .replace(/^:/, '?')
    .slice(0, LONGEST_VALUE);
}
