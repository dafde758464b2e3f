/** The working directories of components. */

/** Where documents run when their recipe names no folder. */
export const DEFAULT_WORKING_DIRECTORY = '/tmp';

/** The same on Windows. Source: reference, `resources.md` section 6. */
export const WINDOWS_WORKING_DIRECTORY = 'C:/';
