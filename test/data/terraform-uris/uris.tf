# Documents in S3, and names that AWS manages: what the provider's own acceptance tests ask for.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "bucket" {
  type = string
}

provider "aws" {
  region = "us-east-1"
}

data "aws_region" "here" {}

locals {
  managed = "arn:aws:imagebuilder:${data.aws_region.here.name}:aws"
}

resource "aws_imagebuilder_component" "uri" {
  name     = "terraform-uri"
  version  = "1.0.0"
  platform = "Linux"
  uri      = "s3://${var.bucket}/component.yaml"
}

resource "aws_imagebuilder_workflow" "uri" {
  name    = "terraform-uri"
  version = "1.0.0"
  type    = "TEST"
  uri     = "s3://${var.bucket}/workflow.yaml"
}

resource "aws_imagebuilder_container_recipe" "uri" {
  name                    = "terraform-uri"
  version                 = "1.0.0"
  container_type          = "DOCKER"
  parent_image            = "${local.managed}:image/amazon-linux-x86-latest/x.x.x"
  dockerfile_template_uri = "s3://${var.bucket}/Dockerfile"

  component {
    component_arn = aws_imagebuilder_component.uri.arn
  }

  target_repository {
    repository_name = "terraform-uri"
    service         = "ECR"
  }
}

resource "aws_imagebuilder_image_recipe" "managed" {
  name         = "terraform-managed"
  version      = "1.0.0"
  parent_image = "${local.managed}:image/amazon-linux-2-x86/x.x.x"

  dynamic "component" {
    for_each = ["update-linux", "reboot-linux", "aws-cli-version-2-linux"]
    content {
      component_arn = "${local.managed}:component/${component.value}/x.x.x"
    }
  }
}

data "aws_imagebuilder_image" "managed" {
  arn = "${local.managed}:image/amazon-linux-2-x86/x.x.x"
}

data "aws_imagebuilder_component" "managed" {
  arn = "${local.managed}:component/update-linux/1.0.2/1"
}

data "aws_imagebuilder_component" "uri" {
  arn = aws_imagebuilder_component.uri.arn
}

data "aws_imagebuilder_components" "managed" {
  owner = "Amazon"

  filter {
    name   = "platform"
    values = ["Linux"]
  }
}

data "aws_imagebuilder_container_recipes" "own" {
  filter {
    name   = "name"
    values = [aws_imagebuilder_container_recipe.uri.name]
  }
}

output "texts" {
  value = {
    component  = data.aws_imagebuilder_component.uri.data
    workflow   = aws_imagebuilder_workflow.uri.data
    dockerfile = aws_imagebuilder_container_recipe.uri.dockerfile_template_data
  }
}

output "image" {
  value = {
    build   = data.aws_imagebuilder_image.managed.build_version_arn
    version = data.aws_imagebuilder_image.managed.version
    date    = data.aws_imagebuilder_image.managed.date_created
    outputs = length(data.aws_imagebuilder_image.managed.output_resources)
  }
}
