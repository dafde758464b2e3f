/** The register of action modules: one line each. See README.md for how to add one. */
import type { ActionModule } from './module.ts';
import { assertModule } from './modules/assert.ts';
import { createFile } from './modules/create-file.ts';
import { executeBash } from './modules/execute-bash.ts';
import { executeBinary } from './modules/execute-binary.ts';
import { reboot } from './modules/reboot.ts';
import { updateOs } from './modules/update-os.ts';

/** Every action module by its name. */
export const modules: ReadonlyMap<string, ActionModule> = new Map(
  [
    assertModule,
    createFile,
    executeBash,
    executeBinary,
    reboot,
    updateOs,
  ].map((module) => [module.name, module]),
);
