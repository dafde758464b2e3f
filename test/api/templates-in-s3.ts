/** A server that reads templates from an S3 server of the test's own, and a folder for the templates beside it. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { s3Server, type S3Server } from '../harness/s3-server.ts';
import { ingot, startServer, type TestServer } from '../harness/service.ts';

const USER = { accessKeyId: 'AKIDTEMPLATES', secretAccessKey: 'of-s3' };

/** What the tests use. */
export interface TemplatesInS3 {
  readonly folder: string;
  readonly server: TestServer;
  readonly s3: S3Server;
  /** Writes a file in the folder. Returns its path. */
  readonly file: (name: string, text: string) => string;
  /** Runs a command on the data directory. */
  readonly run: (...args: readonly string[]) => ReturnType<typeof ingot>;
  readonly end: () => Promise<void>;
}

/** Starts both. */
export async function templatesInS3(): Promise<TemplatesInS3> {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-templates-'));
  const data = join(folder, 'data');
  const server = await startServer(data);
  const s3 = await s3Server(USER);
  writeFileSync(
    join(data, 'config.yaml'),
    `instanceProfiles: {templates: {credentials: ${JSON.stringify(USER)}, endpoints: {s3: '${s3.endpoint}'}}}\n` +
      'uriProfiles: [templates]\n',
  );
  return {
    folder,
    server,
    s3,
    file(name, text) {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      return path;
    },
    run: (...args) => ingot(data, args),
    async end() {
      await server.stop();
      await s3.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
