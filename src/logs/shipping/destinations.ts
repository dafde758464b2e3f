/** The register of destinations: one entry each. README.md says how to add one. */
import type { DestinationType } from './destination.ts';
import { cloudwatch } from './destinations/cloudwatch.ts';
import { file } from './destinations/file.ts';
import { syslog } from './destinations/syslog.ts';

/** Destination types by their `type` in `config.yaml`. */
export const DESTINATIONS: Readonly<Record<string, DestinationType>> = { cloudwatch, file, syslog };
