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

output "release" {
  value = nonsensitive(data.aws_ssm_parameter.golden.value)
}

output "names" {
  value = sort(data.aws_ssm_parameters_by_path.golden.names)
}
