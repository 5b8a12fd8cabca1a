import { rename, writeFile } from 'node:fs/promises';

/**
 * Writes a file for its owner alone, in the place of the one that may be there: a reader finds the old text or the new
 * one, whole, also after a crash or a loss of power in between. Rejects with the error of the file system.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  // Otherwise the new name may be on the disk before what it names.
  await writeFile(`${path}.new`, text, { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
}
