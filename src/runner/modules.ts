/** The register of action modules: one line each. See README.md for how to add one. */
import type { ActionModule } from './module.ts';
import { appendFile } from './modules/append-file.ts';
import { assertModule } from './modules/assert.ts';
import { copyFile } from './modules/copy-file.ts';
import { copyFolder } from './modules/copy-folder.ts';
import { createFile } from './modules/create-file.ts';
import { createFolder } from './modules/create-folder.ts';
import { createSymlink } from './modules/create-symlink.ts';
import { deleteFile } from './modules/delete-file.ts';
import { deleteFolder } from './modules/delete-folder.ts';
import { executeBash } from './modules/execute-bash.ts';
import { executeBinary } from './modules/execute-binary.ts';
import { executeDocument } from './modules/execute-document.ts';
import { executePowerShell } from './modules/execute-powershell.ts';
import { installMsi } from './modules/install-msi.ts';
import { listFiles } from './modules/list-files.ts';
import { moveFile } from './modules/move-file.ts';
import { moveFolder } from './modules/move-folder.ts';
import { readFile } from './modules/read-file.ts';
import { reboot } from './modules/reboot.ts';
import { setFileEncoding } from './modules/set-file-encoding.ts';
import { setFileOwner } from './modules/set-file-owner.ts';
import { setFilePermissions } from './modules/set-file-permissions.ts';
import { setFolderOwner } from './modules/set-folder-owner.ts';
import { setFolderPermissions } from './modules/set-folder-permissions.ts';
import { s3Download } from './modules/s3-download.ts';
import { s3Upload } from './modules/s3-upload.ts';
import { setRegistry } from './modules/set-registry.ts';
import { uninstallMsi } from './modules/uninstall-msi.ts';
import { updateOs } from './modules/update-os.ts';
import { webDownload } from './modules/web-download.ts';

/** Every action module by its name. */
export const modules: ReadonlyMap<string, ActionModule> = new Map(
  [
    appendFile,
    assertModule,
    copyFile,
    copyFolder,
    createFile,
    createFolder,
    createSymlink,
    deleteFile,
    deleteFolder,
    executeBash,
    executeBinary,
    executeDocument,
    executePowerShell,
    installMsi,
    listFiles,
    moveFile,
    moveFolder,
    readFile,
    reboot,
    s3Download,
    s3Upload,
    setFileEncoding,
    setFileOwner,
    setFilePermissions,
    setFolderOwner,
    setFolderPermissions,
    setRegistry,
    uninstallMsi,
    updateOs,
    webDownload,
  ].map((module) => [module.name, module]),
);
