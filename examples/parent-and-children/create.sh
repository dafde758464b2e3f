#!/bin/sh
# Creates three pipelines: base, web on base, and shop on web. Prints their ARNs, one a line.
set -eu
here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
region=${AWS_REGION:-us-east-1}

component=$(aws imagebuilder create-component --name company-agent --semantic-version 1.0.0 --platform Linux \
  --data "file://$here/agent.yaml" --query componentBuildVersionArn --output text)
prefix=${component%:component/*}
infrastructure=$(aws imagebuilder create-infrastructure-configuration --name family --instance-profile-name builds \
  --query infrastructureConfigurationArn --output text)

# pipeline NAME PARENT-IMAGE
pipeline() {
  recipe=$(aws imagebuilder create-image-recipe --name "$1" --semantic-version 1.0.0 --parent-image "$2" \
    --components "componentArn=$prefix:component/company-agent/x.x.x" --query imageRecipeArn --output text)
  aws imagebuilder create-image-pipeline --name "$1" --image-recipe-arn "$recipe" \
    --infrastructure-configuration-arn "$infrastructure" --tags ingot:on-parent=build \
    --query imagePipelineArn --output text
}

# A recipe can name an image only when there is one: the first build of each comes before its child.
first() {
  image=$(aws imagebuilder start-image-pipeline-execution --image-pipeline-arn "$1" \
    --query imageBuildVersionArn --output text)
  while :; do
    status=$(aws imagebuilder get-image --image-build-version-arn "$image" --query image.state.status --output text)
    case $status in
      AVAILABLE) return ;;
      FAILED | CANCELLED) echo "$image is $status" >&2; exit 1 ;;
    esac
    sleep 1
  done
}

base=$(pipeline base "arn:aws:imagebuilder:$region:aws:image/debian-12-x86/x.x.x")
first "$base"
web=$(pipeline web "$prefix:image/base/x.x.x")
first "$web"
shop=$(pipeline shop "$prefix:image/web/x.x.x")
first "$shop"
printf '%s\n' "$base" "$web" "$shop"
