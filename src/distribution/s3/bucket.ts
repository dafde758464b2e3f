/**
 * A bucket as the place of layers: `ami-….json` and `layers/lay-….qcow2` below a prefix. `retired/lay-….qcow2` marks a
 * layer that some server is about to delete.
 */
import { rename, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { S3Bucket } from '../../platform/aws-s3.ts';
import { sleep } from '../../platform/clock.ts';
import type { S3Settings } from '../../platform/config/regions.ts';
import { sha256OfFile, syncDirectory } from '../../platform/files.ts';
import { release } from '../../platform/held.ts';
import type { LayerPlace } from '../layered/layer-place.ts';

/** A server that marks a layer and dies leaves the mark; it counts for this time, in milliseconds. */
const MARK_MS = 10 * 60_000;
const LOOK_AGAIN_MS = 1000;

/** The place in a bucket. */
export function bucket(settings: S3Settings, region: string): LayerPlace {
  const { prefix } = settings;
  const s3 = new S3Bucket({ ...settings, region: settings.awsRegion ?? region });
  const at = `s3://${settings.bucket}/${prefix}`;
  const layerKey = (name: string): string => `${prefix}layers/${name}`;
  const markKey = (name: string): string => `${prefix}retired/${name}`;
  /** The SDK's errors, with the place. */
  const told = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: Error) => {
      if (error.name === 'AbortError') throw error;
      throw new Error(`${at}: ${error.name === 'Error' ? '' : `${error.name}: `}${error.message}`, { cause: error });
    });

  return {
    place: at,
    check: (signal) => told(s3.probe(`${prefix}.probe-${process.pid}`, signal)),
    readText: (name) => told(s3.getText(`${prefix}${name}`)),
    writeText: (name, text) => told(s3.putText(`${prefix}${name}`, text)),
    removeText: (name) => told(s3.remove(`${prefix}${name}`)),
    texts: async (signal) => (await told(s3.list(`${prefix}ami-`, signal))).map(({ key }) => key.slice(prefix.length)),
    layers: async () => (await told(s3.list(layerKey('')))).map(({ key }) => key.slice(layerKey('').length)),

    async has({ name, bytes, sha256 }, signal) {
      for (;;) {
        const [mark] = (await told(s3.list(markKey(name), signal))).filter(({ key }) => key === markKey(name));
        if (mark === undefined) break;
        if (Date.now() - mark.modified > MARK_MS) await told(s3.remove(markKey(name)));
        else await sleep(LOOK_AGAIN_MS, signal);
      }
      const found = await told(s3.head(layerKey(name), signal));
      // An object that is not ours, or not whole, is written again.
      return found?.bytes === bytes && found.sha256 === sha256;
    },

    async put(layer, path, onBytes, { signal }) {
      const upload = () => s3.upload(layerKey(layer.name), path, layer, onBytes, signal);
      await told(
        upload().catch(async (error: Error) => {
          // Another server has completed the upload of the same layer, or somebody has ended it.
          if (error.name !== 'NoSuchUpload') throw error;
          const found = await s3.head(layerKey(layer.name), signal);
          if (found?.sha256 !== layer.sha256) await upload();
        }),
      );
    },

    async get({ name, bytes, sha256 }, target, onBytes, { held, signal }) {
      const partial = `${target}.partial`;
      const record = await held.record({ kind: 'path', path: partial });
      try {
        await rm(partial, { force: true });
        const file = await open(partial, 'wx', 0o600);
        try {
          await told(s3.download(layerKey(name), file, bytes, onBytes, signal));
          await file.sync();
        } finally {
          await file.close();
        }
        const hash = await sha256OfFile(partial);
        if (hash !== sha256) throw new Error(`${at}layers/${name} is damaged: its SHA-256 is ${hash}, not ${sha256}`);
        await rename(partial, target);
        await syncDirectory(dirname(target));
      } finally {
        await release(held, record);
      }
    },

    async faultOf({ name, bytes, sha256 }) {
      const found = await told(s3.head(layerKey(name)));
      if (found === undefined) return `${at}layers/${name} does not exist`;
      if (found.bytes !== bytes) return `${at}layers/${name} has ${found.bytes} bytes; its manifest says ${bytes}`;
      return found.sha256 === sha256
        ? undefined
        : `${at}layers/${name} was put with the SHA-256 ${found.sha256 ?? '(none)'}; its manifest says ${sha256}`;
    },

    async retire(names, inUse) {
      for (const name of names) await told(s3.putText(markKey(name), ''));
      try {
        const used = await inUse();
        for (const name of names) if (!used.has(name)) await told(s3.remove(layerKey(name)));
      } finally {
        for (const name of names) await told(s3.remove(markKey(name)));
      }
    },
  };
}
