/** The process of an instance's own services: `main.ts FOLDER`. Started by `start.ts`, ends with the instance. */
import { readFileSync, writeSync } from 'node:fs';
import { INSTANCE_SERVICE_PORT } from '../../platform/network-rules.ts';
import { metadataServer } from './server.ts';
import { READY_FD, SERVICES_FILE, type ServicesFile } from './services-file.ts';

const { address, facts, metadata } = JSON.parse(readFileSync(`${process.argv[2]}/${SERVICES_FILE}`, 'utf8')) as ServicesFile;
const log = (text: string): void => void process.stderr.write(`${new Date().toISOString()} ${text}\n`);

const server = metadataServer(metadata, facts, address, log);
server.listen(INSTANCE_SERVICE_PORT, address, () => writeSync(READY_FD, '1'));
