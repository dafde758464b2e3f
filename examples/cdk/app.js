/**
 * Golden images as a CDK app: a stack with the L2 constructs, a component in a file (an asset), and a nested stack with
 * L1 constructs and an image of its own.
 */
import { App, CfnOutput, CfnParameter, Fn, NestedStack, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as l1 from 'aws-cdk-lib/aws-imagebuilder';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import * as l2 from '@aws-cdk/aws-imagebuilder-alpha';

const app = new App({ outdir: 'cdk.out' });

/** What the images of a team begin with. */
class Golden extends NestedStack {
  constructor(scope, id) {
    super(scope, id);
    const recipe = new l1.CfnImageRecipe(this, 'Recipe', {
      name: 'cdk-golden',
      version: '1.0.x',
      parentImage: Fn.sub('arn:${AWS::Partition}:imagebuilder:${AWS::Region}:aws:image/debian-12-x86/x.x.x'),
      components: [
        {
          componentArn: new l1.CfnComponent(this, 'Motd', {
            name: 'cdk-motd',
            version: '1.0.0',
            platform: 'Linux',
            data: [
              'schemaVersion: 1.0',
              'phases:',
              '  - name: build',
              '    steps:',
              '      - name: write',
              '        action: ExecuteBash',
              "        inputs: {commands: ['echo golden > /etc/motd']}",
            ].join('\n'),
          }).attrArn,
        },
      ],
    });
    const infrastructure = new l1.CfnInfrastructureConfiguration(this, 'Infrastructure', {
      name: 'cdk-golden',
      instanceProfileName: new iam.CfnInstanceProfile(this, 'Profile', { roles: ['builder'] }).ref,
    });
    this.image = new l1.CfnImage(this, 'Image', {
      imageRecipeArn: recipe.attrArn,
      infrastructureConfigurationArn: infrastructure.attrArn,
      imageTestsConfiguration: { imageTestsEnabled: false },
    }).attrImageId;
  }
}

const stack = new Stack(app, 'Images');
const prefix = new CfnParameter(stack, 'Prefix', { default: 'web', allowedPattern: '[a-z]+' });
const golden = new Golden(stack, 'Golden');

const component = new l2.Component(stack, 'Page', {
  platform: l2.Platform.LINUX,
  // A file: `cdk deploy` uploads it, Ingot reads it from cdk.out.
  data: l2.ComponentData.fromAsset(stack, 'PageFile', 'components/page.yaml'),
});
const recipe = new l2.ImageRecipe(stack, 'Recipe', {
  baseImage: l2.BaseImage.fromString(golden.image),
  components: [{ component, parameters: { Text: l2.ComponentParameterValue.fromString('from the CDK') } }],
});
const infrastructure = new l2.InfrastructureConfiguration(stack, 'Infrastructure');
const distribution = new l2.DistributionConfiguration(stack, 'Distribution');
distribution.addAmiDistributions({ amiName: `${prefix.valueAsString}-{{ imagebuilder:buildDate }}` });
const image = new l2.Image(stack, 'Image', {
  recipe,
  infrastructureConfiguration: infrastructure,
  distributionConfiguration: distribution,
});
new ssm.StringParameter(stack, 'Kept', { parameterName: '/cdk/web', stringValue: image.imageId });
new CfnOutput(stack, 'ImageId', { value: image.imageId, exportName: 'cdk-web' });

app.synth();
