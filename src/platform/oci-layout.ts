/** What an OCI layout of the operator's names, without reading its image. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The descriptor of the image that a layout holds.
 * @param folder absolute path, from `config.yaml`
 * @throws {Error} with the fault, in one sentence
 */
export async function layoutDescriptor(
  folder: string,
): Promise<{ readonly digest: string; readonly mediaType: string; readonly size: number }> {
  let text: string;
  try {
    text = await readFile(join(folder, 'index.json'), 'utf8');
  } catch (error) {
    throw new Error(`index.json cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`, {
      cause: error,
    });
  }
  try {
    const { manifests } = JSON.parse(text) as { manifests: { digest: string; mediaType: string; size: number }[] };
    const { digest, mediaType, size } = manifests.at(-1)!;
    if (/^sha256:[0-9a-f]{64}$/.test(digest)) return { digest, mediaType, size };
  } catch {
    // Said below.
  }
  throw new Error('index.json names no image');
}
