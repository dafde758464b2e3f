/** `AWS::SSM::Parameter` of templates. */
import type { RequestValue } from '../../templates/template.ts';
import { CommandFailed } from '../command.ts';
import type { DeployContext, Deployed } from './context.ts';

/** Keeps a parameter. */
export async function deployParameter(
  _context: DeployContext,
  _request: Readonly<Record<string, RequestValue>>,
): Promise<Deployed> {
  throw new CommandFailed('parameters are not kept yet');
}
