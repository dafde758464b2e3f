/** The id by which a template's image names the pipeline that makes it. */
import { createHash } from 'node:crypto';

/** Represents a pipeline in the settings of an image that runs it. The same as long as the pipeline keeps its name. */
export function deploymentIdOf(pipelineArn: string): string {
  const hex = createHash('sha256').update(pipelineArn).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
