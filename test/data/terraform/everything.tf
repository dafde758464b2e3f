# Every member of every resource that the provider knows, in forms that the engine need not know yet: nothing here is built.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "region" {
  type    = string
  default = "us-east-1"
}

variable "text" {
  type    = string
  default = "first"
}

variable "more" {
  type    = bool
  default = false
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { stack = "everything" }
  }
}

data "aws_caller_identity" "current" {}

locals {
  debian        = "arn:aws:imagebuilder:${var.region}:aws:image/debian-12-x86/x.x.x"
  account       = data.aws_caller_identity.current.account_id
  document      = <<-EOT
    name: everything
    schemaVersion: 1.0
    parameters:
      - One:
          type: string
          default: a
      - Two:
          type: string
          default: b
    phases:
      - name: build
        steps:
          - name: Run
            action: ExecuteBash
            inputs:
              commands:
                - echo '{{ One }} {{ Two }} é "quoted" \ %'
  EOT
  test_workflow = <<-EOT
    name: everything
    schemaVersion: 1.0
    parameters:
      - name: waitFor
        type: string
        default: ssmAgent
    steps:
      - name: Launch
        action: LaunchInstance
        inputs:
          waitFor.$: $.parameters.waitFor
      - name: Terminate
        action: TerminateInstance
        inputs:
          instanceId.$: $.stepOutputs.Launch.instanceId
  EOT
}

resource "aws_imagebuilder_component" "all" {
  name                  = "Every Thing_x"
  version               = "1.2.3"
  platform              = "Linux"
  description           = "A component"
  change_description    = "The first"
  supported_os_versions = ["Debian 12", "Debian 13"]
  kms_key_id            = "arn:aws:kms:${var.region}:${local.account}:key/12345678-1234-1234-1234-123456789012"
  data                  = local.document
  tags                  = { text = var.text, "a b/c:d+e=f@g" = "ä ö" }
}

resource "aws_imagebuilder_component" "windows" {
  name     = "windows"
  version  = "1.0.0"
  platform = "Windows"
  data     = replace(local.document, "ExecuteBash", "ExecutePowerShell")
}

resource "aws_imagebuilder_component" "kept" {
  name         = "kept"
  version      = "1.0.0"
  platform     = "Linux"
  data         = local.document
  skip_destroy = true
}

resource "aws_imagebuilder_image_recipe" "all" {
  name              = "everything"
  version           = "1.0.0"
  description       = "A recipe"
  parent_image      = local.debian
  working_directory = "/srv"
  user_data_base64  = base64encode("#!/bin/sh\necho hello\n")

  component {
    component_arn = aws_imagebuilder_component.all.arn

    parameter {
      name  = "Two"
      value = "zwei"
    }

    parameter {
      name  = "One"
      value = "eins"
    }
  }

  component {
    component_arn = "arn:aws:imagebuilder:${var.region}:aws:component/update-linux/x.x.x"
  }

  block_device_mapping {
    device_name = "/dev/xvda"

    ebs {
      delete_on_termination = true
      encrypted             = false
      iops                  = 3000
      throughput            = 125
      volume_size           = 20
      volume_type           = "gp3"
    }
  }

  block_device_mapping {
    device_name = "/dev/xvdb"
    no_device   = true
  }

  block_device_mapping {
    device_name  = "/dev/xvdc"
    virtual_name = "ephemeral0"
  }

  block_device_mapping {
    device_name = "/dev/xvdd"

    ebs {
      delete_on_termination = false
      encrypted             = true
      kms_key_id            = "alias/everything"
      snapshot_id           = "snap-0123456789abcdef0"
      volume_type           = "io2"
      iops                  = 1000
    }
  }

  tags = { text = var.text }
}

resource "aws_imagebuilder_image_recipe" "agent" {
  name         = "agent"
  version      = "1.0.0"
  parent_image = local.debian

  systems_manager_agent {
    uninstall_after_build = true
  }

  component {
    component_arn = "arn:aws:imagebuilder:${var.region}:aws:component/update-linux/1.x.x"
  }
}

resource "aws_imagebuilder_container_recipe" "all" {
  name              = "everything"
  version           = "2.0.1"
  description       = "A container recipe"
  container_type    = "DOCKER"
  parent_image      = "public.ecr.aws/debian/debian:12"
  kms_key_id        = "alias/everything"
  working_directory = "/srv"

  component {
    component_arn = aws_imagebuilder_component.all.arn

    parameter {
      name  = "One"
      value = "eins"
    }
  }

  instance_configuration {
    image = local.debian

    block_device_mapping {
      device_name = "/dev/xvda"

      ebs {
        delete_on_termination = true
        encrypted             = false
        volume_size           = 40
        volume_type           = "gp2"
      }
    }
  }

  target_repository {
    service         = "ECR"
    repository_name = "team/everything"
  }

  dockerfile_template_data = <<-EOT
    FROM {{{ imagebuilder:parentImage }}}
    {{{ imagebuilder:environments }}}
    {{{ imagebuilder:components }}}
  EOT

  tags = { text = var.text }
}

# The provider's own data sources of recipes cannot hold instance_configuration with ebs, nor no_device: their types do not fit.
resource "aws_imagebuilder_container_recipe" "little" {
  name              = "little"
  version           = "1.0.0"
  container_type    = "DOCKER"
  parent_image      = "debian:12"
  platform_override = "Linux"

  # The provider does not read it, so that an import would have the recipe replaced.
  lifecycle {
    ignore_changes = [platform_override]
  }

  component {
    component_arn = aws_imagebuilder_component.all.arn
  }

  target_repository {
    service         = "ECR"
    repository_name = "little"
  }

  dockerfile_template_data = "FROM {{{ imagebuilder:parentImage }}}\n{{{ imagebuilder:environments }}}\n{{{ imagebuilder:components }}}\n"
}

resource "aws_imagebuilder_infrastructure_configuration" "all" {
  name                          = "Every Thing"
  description                   = var.text
  instance_profile_name         = "Everything"
  instance_types                = var.more ? ["t3.small", "m5.large"] : ["t3.small"]
  security_group_ids            = ["sg-0123456789abcdef0", "sg-0123456789abcdef1"]
  subnet_id                     = "subnet-0123456789abcdef0"
  key_pair                      = "me"
  sns_topic_arn                 = "arn:aws:sns:${var.region}:${local.account}:images"
  resource_tags                 = { text = var.text }
  terminate_instance_on_failure = var.more

  logging {
    s3_logs {
      s3_bucket_name = "logs"
      s3_key_prefix  = "builds/"
    }
  }

  instance_metadata_options {
    http_put_response_hop_limit = 2
    http_tokens                 = "required"
  }

  placement {
    availability_zone = "${var.region}a"
    tenancy           = "dedicated"
  }

  tags = { text = var.text }
}

# What is not said here is not to be there afterwards either.
resource "aws_imagebuilder_infrastructure_configuration" "little" {
  name                  = "little"
  instance_profile_name = "Everything"
  description           = var.more ? null : "goes away"
}

resource "aws_imagebuilder_distribution_configuration" "all" {
  name        = "everything"
  description = var.text

  distribution {
    region                     = var.region
    license_configuration_arns = ["arn:aws:license-manager:${var.region}:${local.account}:license-configuration:lic-0123456789abcdef0123456789abcdef"]

    ami_distribution_configuration {
      name               = "everything {{ imagebuilder:buildDate }}"
      description        = var.text
      kms_key_id         = "alias/everything"
      target_account_ids = ["210987654321", "310987654321"]
      ami_tags           = { text = var.text }

      launch_permission {
        user_ids                 = ["210987654321"]
        user_groups              = ["all"]
        organization_arns        = ["arn:aws:organizations::${local.account}:organization/o-abcdefghij"]
        organizational_unit_arns = ["arn:aws:organizations::${local.account}:ou/o-abcdefghij/ou-abcd-abcdefgh"]
      }
    }

    launch_template_configuration {
      launch_template_id = "lt-0123456789abcdef0"
      account_id         = local.account
      default            = var.more
    }

    fast_launch_configuration {
      account_id            = local.account
      enabled               = true
      max_parallel_launches = 6

      launch_template {
        launch_template_id      = "lt-0123456789abcdef0"
        launch_template_version = "1"
      }

      snapshot_configuration {
        target_resource_count = 2
      }
    }

    s3_export_configuration {
      disk_image_format = "VHD"
      role_name         = "exporter"
      s3_bucket         = "exports"
      s3_prefix         = "images"
    }

    ssm_parameter_configuration {
      parameter_name = "/imagebuilder/everything"
      ami_account_id = "210987654321"
      data_type      = "aws:ec2:image"
    }
  }

  dynamic "distribution" {
    for_each = var.more ? ["eu-west-1", "ap-south-1"] : ["eu-west-1"]

    content {
      region = distribution.value

      container_distribution_configuration {
        description    = var.text
        container_tags = ["latest", "everything"]

        target_repository {
          service         = "ECR"
          repository_name = "everything"
        }
      }
    }
  }

  tags = { text = var.text }
}

resource "aws_imagebuilder_workflow" "all" {
  name               = "everything"
  version            = "1.0.0"
  type               = "TEST"
  description        = "A workflow"
  change_description = "The first"
  kms_key_id         = "arn:aws:kms:${var.region}:${local.account}:key/12345678-1234-1234-1234-123456789012"
  data               = local.test_workflow
  tags               = { text = var.text }
}

resource "aws_imagebuilder_workflow" "build" {
  name    = "everything"
  version = "1.0.0"
  type    = "BUILD"
  data    = <<-EOT
    name: everything
    schemaVersion: 1.0
    steps:
      - name: Launch
        action: LaunchInstance
        inputs:
          waitFor: ssmAgent
      - name: Create
        action: CreateImage
        inputs:
          instanceId.$: $.stepOutputs.Launch.instanceId
      - name: Terminate
        action: TerminateInstance
        inputs:
          instanceId.$: $.stepOutputs.Launch.instanceId
    outputs:
      - name: ImageId
        value: $.stepOutputs.Create.imageId
  EOT
}

resource "aws_imagebuilder_image_pipeline" "all" {
  name                             = "everything"
  description                      = var.text
  image_recipe_arn                 = var.more ? aws_imagebuilder_image_recipe.agent.arn : aws_imagebuilder_image_recipe.all.arn
  infrastructure_configuration_arn = aws_imagebuilder_infrastructure_configuration.all.arn
  distribution_configuration_arn   = aws_imagebuilder_distribution_configuration.all.arn
  enhanced_image_metadata_enabled  = var.more
  execution_role                   = "arn:aws:iam::${local.account}:role/builder"
  status                           = var.more ? "ENABLED" : "DISABLED"

  image_tests_configuration {
    image_tests_enabled = false
    timeout_minutes     = 90
  }

  image_scanning_configuration {
    image_scanning_enabled = false
  }

  schedule {
    schedule_expression                = var.more ? "rate(2 days)" : "cron(0 3 ? * SUN *)"
    pipeline_execution_start_condition = var.more ? "EXPRESSION_MATCH_ONLY" : "EXPRESSION_MATCH_AND_DEPENDENCY_UPDATES_AVAILABLE"
    timezone                           = "Europe/Berlin"
  }

  workflow {
    workflow_arn = aws_imagebuilder_workflow.build.arn
  }

  workflow {
    workflow_arn   = aws_imagebuilder_workflow.all.arn
    on_failure     = "CONTINUE"
    parallel_group = "tests"

    parameter {
      name  = "waitFor"
      value = "ssmAgent"
    }
  }

  tags = { text = var.text }
}

resource "aws_imagebuilder_image_pipeline" "container" {
  name                             = "container"
  container_recipe_arn             = aws_imagebuilder_container_recipe.all.arn
  infrastructure_configuration_arn = aws_imagebuilder_infrastructure_configuration.little.arn

  image_scanning_configuration {
    image_scanning_enabled = true

    ecr_configuration {
      repository_name = "scans"
      container_tags  = ["latest"]
    }
  }
}

resource "aws_imagebuilder_lifecycle_policy" "all" {
  name           = "everything"
  description    = var.text
  execution_role = "arn:aws:iam::${local.account}:role/lifecycle"
  resource_type  = "AMI_IMAGE"
  status         = var.more ? "ENABLED" : "DISABLED"

  policy_detail {
    action {
      type = "DELETE"

      include_resources {
        amis      = true
        snapshots = var.more
      }
    }

    filter {
      type            = "AGE"
      value           = 6
      unit            = "YEARS"
      retain_at_least = var.more ? 9 : 10
    }

    exclusion_rules {
      tag_map = { keep = "yes" }

      amis {
        is_public       = false
        regions         = [var.region]
        shared_accounts = ["210987654321"]
        tag_map         = { keep = "yes" }

        last_launched {
          unit  = "WEEKS"
          value = 2
        }
      }
    }
  }

  policy_detail {
    action {
      type = "DEPRECATE"

      include_resources {
        amis = true
      }
    }

    filter {
      type  = "AGE"
      value = 3
      unit  = "MONTHS"
    }
  }

  resource_selection {
    recipe {
      name             = aws_imagebuilder_image_recipe.all.name
      semantic_version = "1.0.0"
    }
  }

  tags = { text = var.text }
}

resource "aws_imagebuilder_lifecycle_policy" "containers" {
  name           = "containers"
  execution_role = "arn:aws:iam::${local.account}:role/lifecycle"
  resource_type  = "CONTAINER_IMAGE"

  policy_detail {
    action {
      type = "DELETE"

      include_resources {
        containers = true
      }
    }

    filter {
      type  = "COUNT"
      value = 10
    }
  }

  resource_selection {
    tag_map = { stack = "everything" }
  }
}

data "aws_imagebuilder_component" "all" {
  # The newest build of a version.
  arn = "arn:aws:imagebuilder:${var.region}:${local.account}:component/every-thing-x/1.2.3"

  depends_on = [aws_imagebuilder_component.all]
}

data "aws_imagebuilder_components" "amazon" {
  owner = "Amazon"
}

data "aws_imagebuilder_container_recipe" "little" {
  arn = aws_imagebuilder_container_recipe.little.arn
}

data "aws_imagebuilder_distribution_configuration" "all" {
  arn = aws_imagebuilder_distribution_configuration.all.arn
}

data "aws_imagebuilder_image_pipeline" "container" {
  arn = aws_imagebuilder_image_pipeline.container.arn
}

data "aws_imagebuilder_image_pipelines" "all" {
  depends_on = [aws_imagebuilder_image_pipeline.all, aws_imagebuilder_image_pipeline.container]
}

data "aws_imagebuilder_image_recipe" "agent" {
  arn = aws_imagebuilder_image_recipe.agent.arn
}

data "aws_imagebuilder_image_recipes" "all" {
  owner = "Self"

  filter {
    name   = "platform"
    values = ["Linux"]
  }

  depends_on = [aws_imagebuilder_image_recipe.all, aws_imagebuilder_image_recipe.agent]
}

data "aws_imagebuilder_infrastructure_configuration" "all" {
  arn = aws_imagebuilder_infrastructure_configuration.all.arn
}
