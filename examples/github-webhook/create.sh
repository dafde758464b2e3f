#!/bin/sh
# Creates a pipeline for the hook of config.yaml. Prints the pipeline's ARN.
set -eu
here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
region=${AWS_REGION:-us-east-1}

component=$(aws imagebuilder create-component --name web-app --semantic-version 1.0.0 --platform Linux \
  --data "file://$here/app.yaml" --query componentBuildVersionArn --output text)
recipe=$(aws imagebuilder create-image-recipe --name app --semantic-version 1.0.0 \
  --parent-image "arn:aws:imagebuilder:$region:aws:image/debian-12-x86/x.x.x" \
  --components "componentArn=$component" --query imageRecipeArn --output text)
infrastructure=$(aws imagebuilder create-infrastructure-configuration --name app --instance-profile-name builds \
  --query infrastructureConfigurationArn --output text)
aws imagebuilder create-image-pipeline --name app --image-recipe-arn "$recipe" \
  --infrastructure-configuration-arn "$infrastructure" --query imagePipelineArn --output text
