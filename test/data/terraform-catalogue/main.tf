# What consumers of images write: parameters and images by data sources, launch templates of their own.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

provider "aws" {
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

variable "value" {
  type = string
}

resource "aws_ssm_parameter" "golden" {
  name        = "/golden/release"
  description = "The release that is in force"
  type        = "String"
  value       = var.value
  tags        = { Team = "web" }
}

resource "aws_ssm_parameter" "secret" {
  name  = "/golden/secret"
  type  = "SecureString"
  value = "secret ${var.value}"
}

data "aws_ssm_parameter" "golden" {
  name       = aws_ssm_parameter.golden.name
  depends_on = [aws_ssm_parameter.golden]
}

data "aws_ssm_parameters_by_path" "golden" {
  path       = "/golden"
  depends_on = [aws_ssm_parameter.golden, aws_ssm_parameter.secret]
}

data "aws_ami" "web" {
  most_recent = true
  owners      = ["self"]

  filter {
    name   = "name"
    values = ["web *"]
  }
  filter {
    name   = "tag:Team"
    values = ["web"]
  }
}

data "aws_ami_ids" "web" {
  owners = ["self"]
}

resource "aws_ssm_parameter" "ami" {
  name      = "/released/ami"
  type      = "String"
  data_type = "aws:ec2:image"
  value     = data.aws_ami.web.id
}

resource "aws_launch_template" "web" {
  name                   = "web"
  image_id               = data.aws_ami.web.id
  instance_type          = "t3.micro"
  update_default_version = true
  user_data              = base64encode("#!/bin/sh\necho ${var.value}\n")

  block_device_mappings {
    device_name = data.aws_ami.web.root_device_name
    ebs {
      volume_size = 8
    }
  }
  metadata_options {
    http_tokens = "required"
  }
  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "web" }
  }
  tags = { Team = "web ${var.value}" }
}

data "aws_launch_template" "web" {
  name       = "web"
  depends_on = [aws_launch_template.web]
}

resource "aws_ami_launch_permission" "other" {
  image_id   = data.aws_ami.web.id
  account_id = "210987654321"
}

resource "aws_ec2_tag" "released" {
  resource_id = data.aws_ami.web.id
  key         = "Released"
  value       = var.value
}

output "ami" {
  value = data.aws_ami.web.id
}

output "amis" {
  value = sort(data.aws_ami_ids.web.ids)
}

output "template" {
  value = "${data.aws_launch_template.web.image_id} ${data.aws_launch_template.web.latest_version}"
}

output "release" {
  value = nonsensitive(data.aws_ssm_parameter.golden.value)
}

output "names" {
  value = sort(data.aws_ssm_parameters_by_path.golden.names)
}

resource "aws_ecr_repository" "web" {
  name                 = "golden/web"
  image_tag_mutability = var.value == "1" ? "MUTABLE" : "IMMUTABLE"
  force_delete         = true
  tags                 = { Release = var.value }

  image_scanning_configuration {
    scan_on_push = true
  }
  encryption_configuration {
    encryption_type = "AES256"
  }
}

resource "aws_ecr_lifecycle_policy" "web" {
  repository = aws_ecr_repository.web.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Untagged images go"
      selection = {
        tagStatus   = "untagged"
        countType   = "sinceImagePushed"
        countUnit   = "days"
        countNumber = 14
      }
      action = { type = "expire" }
    }]
  })
}

resource "aws_ecr_repository_policy" "web" {
  repository = aws_ecr_repository.web.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Pull"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::210987654321:root" }
      Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    }]
  })
}

data "aws_ecr_repository" "web" {
  name       = aws_ecr_repository.web.name
  depends_on = [aws_ecr_repository.web]
}

data "aws_ecr_authorization_token" "token" {}

output "repository" {
  value = replace(data.aws_ecr_repository.web.repository_url, "/^[^/]*/", "")
}

output "registry_user" {
  value     = data.aws_ecr_authorization_token.token.user_name
  sensitive = true
}
