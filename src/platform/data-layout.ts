/** The layout of the data directory. No other module knows the names of its files and directories. */
import { join } from 'node:path';

/** Names of the entries of a data directory. */
export const DATA_NAMES = {
  /** SQLite database, with `-wal` and `-shm` beside it. */
  catalog: 'catalog.db',
  /** The user's settings. */
  config: 'config.yaml',
  /** The first key pair. */
  credentials: 'credentials.json',
  /** The key that seals secrets in the catalogue. */
  sealingKey: 'secrets.key',
  /** The root key, unless `config.yaml` names another one. */
  rootKey: 'root.key',
  /** Base images and layers. */
  layers: 'layers',
  /** A directory per Region: flat copies with their manifests. */
  regions: 'regions',
  /** Data that launched instances write. */
  instances: 'instances',
  /** Base images and imports in progress. */
  work: 'work',
  /** Files that components name by `file:`: a directory per account. */
  files: 'files',
  /** Blobs of container images, by their digests. */
  containers: 'containers',
  /** The container registry that Ingot runs itself. */
  registry: 'registry',
  /** Logs of images. */
  logs: 'logs',
  /** The audit log. */
  audit: 'audit',
  /** Address and process of the running server. */
  serverRecord: 'server.json',
  serverLock: 'server.lock',
  serverLog: 'server.log',
  /** Identity of the worker process. */
  workerRecord: 'worker.json',
  workerLock: 'worker.lock',
} as const;

/** The absolute path of an entry of a data directory. */
export function dataPath(dataDirectory: string, entry: keyof typeof DATA_NAMES): string {
  return join(dataDirectory, DATA_NAMES[entry]);
}

/** The directory of a Region with a valid name (`resources/regions.ts`). */
export function regionFolder(dataDirectory: string, region: string): string {
  return join(dataDirectory, DATA_NAMES.regions, region);
}

/** The disk that a launched instance writes to. */
export function instanceDisk(dataDirectory: string, instanceId: string): string {
  return join(dataDirectory, DATA_NAMES.instances, `${instanceId}.qcow2`);
}

/** A file of an account's components, named by its content; `.part` is appended during the upload. */
export function keptFile(dataDirectory: string, account: string, sha256: string): string {
  return join(dataDirectory, DATA_NAMES.files, account, sha256);
}

/** The directory of one job, such as the name of a base image. */
export function workFolder(dataDirectory: string, name: string): string {
  return join(dataDirectory, DATA_NAMES.work, name);
}

/**
 * Path of a layer's file in records, relative to the data directory.
 * @param merged whether the layer's whole chain was merged into it
 */
export function layerFile(layerId: string, merged = false): string {
  return join(DATA_NAMES.layers, `${layerId}${merged ? '-flat' : ''}.qcow2`);
}

/** The file of a container image's blob. @param digest `sha256:` and 64 hexadecimal digits */
export function blobFile(dataDirectory: string, digest: string): string {
  return join(dataDirectory, DATA_NAMES.containers, 'sha256', digest.replace(/^sha256:/, ''));
}
