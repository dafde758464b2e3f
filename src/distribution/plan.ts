/** Plans what each Region gets, from a distribution configuration and an image. Pure. */
import type {
  Distribution,
  TargetContainerRepository,
  DistributionConfiguration,
  LaunchPermissionConfiguration,
} from '@aws-sdk/client-imagebuilder';
import type { RegionConfigurations } from './configure.ts';
import { formatBuildDate, substituteVariables } from '../resources/template-variables.ts';

/** The facts about an image that a plan needs. */
export interface ImageFacts {
  /** ARN of the build version. */
  readonly imageArn: string;
  /** The image's name: its recipe's. */
  readonly name: string;
  /** The number at the end of the ARN. */
  readonly buildVersion: number;
  /** ISO-8601, UTC. */
  readonly buildDate: string;
  /** The Region it was built in. */
  readonly region: string;
  /** The account it belongs to. */
  readonly account: string;
  readonly recipeDescription?: string | undefined;
  /** The repository of a container recipe: used in the home Region if the configuration names none. */
  readonly repository?: TargetContainerRepository | undefined;
  /** Default `AMI`. */
  readonly kind?: 'AMI' | 'DOCKER';
  /** The recipe's `amiTags`, for the AMI that the build creates. */
  readonly recipeTags?: Readonly<Record<string, string>> | undefined;
}

/** What one Region gets. */
export interface RegionPlan {
  readonly region: string;
  /** The Region the image was built in: its AMI exists already and only gets its name, description and tags. */
  readonly home: boolean;
  readonly name: string;
  readonly description?: string;
  /** Includes `CreatedBy` and `Ec2ImageBuilderArn`. */
  readonly tags: Readonly<Record<string, string>>;
  readonly launchPermission?: LaunchPermissionConfiguration;
  /** Its path in the configuration: `distributions[0]`. */
  readonly path: string;
  /** Other accounts that get an AMI of their own. */
  readonly targetAccounts: readonly string[];
  /** What is applied to the AMIs once they exist. */
  readonly configurations: RegionConfigurations;
  /** Where a container image goes. */
  readonly container?: ContainerTarget;
}

/** A repository that a container image goes to. */
export interface ContainerTarget {
  readonly service: string;
  readonly repository: string;
  /** Whether the container recipe names it, and not the distribution configuration. */
  readonly ofRecipe: boolean;
  /** At least one. */
  readonly tags: readonly string[];
  readonly description?: string | undefined;
}

/** What distribution will do. */
export interface DistributionPlan {
  /** The home Region first, then the configuration's order. */
  readonly regions: readonly RegionPlan[];
  /** Paths of members that are stored and have no effect yet; the image's log names them. */
  readonly withoutEffect: readonly string[];
}

/** A configuration that requests something that must not be ignored. */
export class DistributionRefusal extends Error {
  override readonly name = 'DistributionRefusal';
  /** The member in question: `distributions[0].region`. */
  readonly path: string;

  constructor(path: string, what: string) {
    super(path + what);
    this.path = path;
  }
}

const MEMBERS_WITHOUT_EFFECT = [
  'containerDistributionConfiguration',
  'licenseConfigurationArns',
  's3ExportConfiguration',
  'fastLaunchConfigurations',
] as const satisfies readonly (keyof Distribution)[];

/**
 * Plans the distribution of an image. Without a configuration it stays in its home Region, with the default name.
 * @param configuration as it was when the build started
 * @throws {DistributionRefusal} when it names a Region twice
 * @throws {TemplateVariableError} for a template variable that does not exist
 */
export function planDistribution(
  configuration: Pick<DistributionConfiguration, 'distributions'> | undefined,
  image: ImageFacts,
): DistributionPlan {
  const entries = configuration?.distributions ?? [];
  const withoutEffect: string[] = [];
  const planned = new Map<string, RegionPlan>();
  for (const [index, entry] of entries.entries()) {
    const path = `distributions[${index}]`;
    const region = entry.region!;
    if (planned.has(region)) throw new DistributionRefusal(`${path}.region`, `: ${region} is named twice`);
    if (image.kind === 'DOCKER' && entry.containerDistributionConfiguration === undefined && region !== image.region)
      throw new DistributionRefusal(
        `${path}.containerDistributionConfiguration`,
        ` is missing: a container image goes to ${region} only if it names the repository there`,
      );
    planned.set(region, regionPlan(entry, image, path));
    withoutEffect.push(...membersWithoutEffect(entry, path, image.kind ?? 'AMI'));
  }
  const home = planned.get(image.region) ?? regionPlan({ region: image.region }, image, '');
  return { regions: [home, ...[...planned.values()].filter((plan) => !plan.home)], withoutEffect };
}

function regionPlan(entry: Distribution, image: ImageFacts, path: string): RegionPlan {
  const { region, amiDistributionConfiguration: ami } = entry;
  const substitute = (text: string): string => substituteVariables(text, image);
  const home = region === image.region;
  const ofAmi = image.kind !== 'DOCKER';
  const description = ami?.description ?? (home ? image.recipeDescription : undefined);
  const given = { ...(home ? image.recipeTags : {}), ...ami?.amiTags };
  return {
    region: region!,
    home,
    name: ami?.name === undefined ? `${image.name} ${formatBuildDate(image.buildDate)}` : substitute(ami.name),
    ...(description === undefined ? {} : { description: substitute(description) }),
    tags: {
      ...Object.fromEntries(Object.entries(given).map(([key, value]) => [substitute(key), substitute(value)])),
      CreatedBy: 'EC2 Image Builder',
      Ec2ImageBuilderArn: image.imageArn,
    },
    launchPermission: ami?.launchPermission,
    ...(image.kind === 'DOCKER' ? { container: containerTarget(entry.containerDistributionConfiguration, image) } : {}),
    path,
    targetAccounts: ofAmi ? (ami?.targetAccountIds ?? []).filter((each) => each !== image.account) : [],
    configurations: {
      region: region!,
      launchTemplateConfigurations: ofAmi ? entry.launchTemplateConfigurations : undefined,
      ssmParameterConfigurations: ofAmi ? entry.ssmParameterConfigurations : undefined,
    },
  };
}

function containerTarget(
  configuration: Distribution['containerDistributionConfiguration'],
  image: ImageFacts,
): ContainerTarget {
  const repository = configuration?.targetRepository ?? image.repository;
  const given = configuration?.containerTags ?? [];
  const version = /\/(\d+\.\d+\.\d+)\/\d+$/.exec(image.imageArn)?.[1] ?? '';
  return {
    service: repository?.service ?? 'ECR',
    ofRecipe: configuration?.targetRepository === undefined,
    repository: repository?.repositoryName ?? image.name.toLowerCase().replaceAll(/[^a-z0-9._-]+/g, '-'),
    // As on AWS without configured tags: the version and the build number.
    tags: given.length > 0 ? given.map((tag) => substituteVariables(tag, image)) : [`${version}-${image.buildVersion}`],
    description: configuration?.description,
  };
}

function membersWithoutEffect(entry: Distribution, path: string, kind: 'AMI' | 'DOCKER'): readonly string[] {
  const members =
    kind === 'AMI'
      ? MEMBERS_WITHOUT_EFFECT
      : [
          ...MEMBERS_WITHOUT_EFFECT.filter((member) => member !== 'containerDistributionConfiguration'),
          'launchTemplateConfigurations' as const,
          'ssmParameterConfigurations' as const,
        ];
  return members.filter((member) => isGiven(entry[member])).map((member) => `${path}.${member}`);
}

/** Some SDKs fill in empty lists and structures; these request nothing. */
function isGiven(value: object | undefined): boolean {
  return value !== undefined && Object.keys(value).length > 0;
}
