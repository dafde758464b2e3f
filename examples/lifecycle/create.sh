#!/bin/sh
# Creates a lifecycle policy: create.sh RECIPE-NAME ROLE-ARN. Prints its ARN.
set -eu
here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
aws imagebuilder create-lifecycle-policy --name "$1-lifecycle" --resource-type AMI_IMAGE --execution-role "$2" \
  --policy-details "file://$here/details.json" \
  --resource-selection "recipes=[{name=$1,semanticVersion=x.x.x}]" \
  --tags ingot:retention-scope=recipe --query lifecyclePolicyArn --output text
