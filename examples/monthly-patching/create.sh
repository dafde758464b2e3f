#!/bin/sh
# Creates a pipeline that builds a patched image on the first Sunday of each month. Prints the pipeline's ARN.
set -eu
here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
region=${AWS_REGION:-us-east-1}

component=$(aws imagebuilder create-component --name patch-packages --semantic-version 1.0.0 --platform Linux \
  --data "file://$here/patch.yaml" --query componentBuildVersionArn --output text)
recipe=$(aws imagebuilder create-image-recipe --name patched-debian --semantic-version 1.0.0 \
  --parent-image "arn:aws:imagebuilder:$region:aws:image/debian-12-x86/x.x.x" \
  --components "componentArn=$component" --query imageRecipeArn --output text)
infrastructure=$(aws imagebuilder create-infrastructure-configuration --name patched-debian \
  --instance-profile-name builds --query infrastructureConfigurationArn --output text)
aws imagebuilder create-image-pipeline --name patched-debian --image-recipe-arn "$recipe" \
  --infrastructure-configuration-arn "$infrastructure" --image-tags patched=monthly \
  --schedule '{
    "scheduleExpression": "cron(0 3 ? * SUN#1 *)",
    "timezone": "Europe/Berlin",
    "pipelineExecutionStartCondition": "EXPRESSION_MATCH_ONLY",
    "autoDisablePolicy": {"failureCount": 3}
  }' --query imagePipelineArn --output text
