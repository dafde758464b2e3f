/** The working directories of components. */

/** The working directory of documents whose recipe names none. */
export const DEFAULT_WORKING_DIRECTORY = '/tmp';

/** The same on Windows. Source: reference, `resources.md` section 6. */
export const WINDOWS_WORKING_DIRECTORY = 'C:/';
