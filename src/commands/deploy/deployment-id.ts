/** The id with which a template's image names the pipeline that builds it. */
import { createHash } from 'node:crypto';

/** Identifies a pipeline in the settings of an image that runs it. Constant as long as the pipeline keeps its name. */
export function deploymentIdOf(pipelineArn: string): string {
  const hex = createHash('sha256').update(pipelineArn).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
