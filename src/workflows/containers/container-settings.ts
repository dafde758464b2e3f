/** Settings of a container image that AWS has no member for: tags of its recipe, and of the image itself. Pure. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { readSecretReference, type SecretReference } from '../../documents/component/secret-references.ts';
import { parseArn } from '../../resources/arns.ts';
import { formatVersion } from '../../resources/versions.ts';

/** Tags with these names become labels and annotations. */
const OCI_PREFIX = 'org.opencontainers.image.';
const EPOCH_TAG = 'ingot:source-date-epoch';
const ARGUMENT_PREFIX = 'ingot:build-arg:';
const SECRET_PREFIX = 'ingot:build-secret:';
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,100}$/;

/** A secret that `RUN --mount=type=secret,id=…` may read. */
interface BuildSecret {
  readonly id: string;
  readonly reference: SecretReference;
}

/** The settings of a container image. */
export interface ContainerSettings {
  /** Labels of the image and annotations of its manifest. Nothing in them differs between two builds of the same. */
  readonly labels: Readonly<Record<string, string>>;
  /** `SOURCE_DATE_EPOCH`, seconds since 1970. */
  readonly epoch: number | undefined;
  /** Values of `ARG` instructions. */
  readonly buildArguments: Readonly<Record<string, string>>;
  readonly secrets: readonly BuildSecret[];
}

/** What has a fault, in one sentence that names the tag and its value. */
class SettingsFault extends Error {
  override readonly name = 'SettingsFault';
}

/** Reads the settings. Tags of the image override those of its recipe. @throws {SettingsFault} */
export function containerSettings({
  arn,
  image,
}: {
  readonly arn: string;
  readonly image: Pick<Image, 'name' | 'tags' | 'containerRecipe'>;
}): ContainerSettings {
  const tags = { ...image.containerRecipe?.tags, ...image.tags };
  const version = parseArn(arn)?.version;
  const { description, parentImage = '' } = image.containerRecipe ?? {};
  const beginning = (prefix: string): [string, string][] =>
    Object.entries(tags)
      .filter(([key]) => key.startsWith(prefix) && key.length > prefix.length)
      .sort(([a], [b]) => (a < b ? -1 : 1));
  const named = (prefix: string): [string, string][] =>
    beginning(prefix).map(([key, value]) => {
      const name = key.slice(prefix.length);
      if (!NAME.test(name)) throw new SettingsFault(`invalid tag '${key}': '${name}' is not a name such as TOKEN`);
      return [name, value];
    });
  return {
    labels: {
      [`${OCI_PREFIX}title`]: image.name ?? '',
      ...(version === undefined ? {} : { [`${OCI_PREFIX}version`]: formatVersion(version) }),
      ...(description === undefined ? {} : { [`${OCI_PREFIX}description`]: description }),
      [`${OCI_PREFIX}base.name`]: parentImage,
      ...Object.fromEntries(beginning(OCI_PREFIX)),
    },
    epoch: epochOf(tags[EPOCH_TAG]),
    buildArguments: Object.fromEntries(named(ARGUMENT_PREFIX)),
    secrets: named(SECRET_PREFIX).map(([id, value]) => {
      const text = `{{ resolve:${value} }}`;
      const reference = readSecretReference(text, `resolve:${value}`);
      if (reference?.kind !== 'secret')
        throw new SettingsFault(
          `invalid value '${value}' for tag ${SECRET_PREFIX}${id}: expected a secret such as secretsmanager:NAME, ` +
            'secretsmanager:NAME:SecretString:KEY or ssm-secure:NAME',
        );
      return { id, reference };
    }),
  };
}

/** All values that `ARG` instructions get: the epoch is one, as in other builders. */
export function argumentsOf({
  epoch,
  buildArguments,
}: Pick<ContainerSettings, 'epoch' | 'buildArguments'>): Readonly<Record<string, string>> {
  return { ...(epoch === undefined ? {} : { SOURCE_DATE_EPOCH: String(epoch) }), ...buildArguments };
}

function epochOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^[0-9]{1,11}$/.test(value) || Number(value) > 0o77777777777)
    throw new SettingsFault(`invalid value '${value}' for tag ${EPOCH_TAG}: expected seconds since 1970`);
  return Number(value);
}
