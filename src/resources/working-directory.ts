/** The working directories of components. */

/** The working directory if the recipe sets none. */
export const DEFAULT_WORKING_DIRECTORY = '/tmp';

/** The working directory on Windows. Source: reference, `resources.md` section 6. */
export const WINDOWS_WORKING_DIRECTORY = 'C:/';
