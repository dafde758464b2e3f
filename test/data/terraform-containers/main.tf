# A container image with all that it needs. The variable changes the component, and with it the image.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = false
}

variable "word" {
  type    = string
  default = "one"
}

variable "component_version" {
  type    = string
  default = "1.0.0"
}

data "aws_region" "current" {}

resource "aws_ecr_repository" "web" {
  name                 = "terraform/web"
  force_delete         = true
  image_tag_mutability = "MUTABLE"
}

resource "aws_ecr_lifecycle_policy" "web" {
  repository = aws_ecr_repository.web.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep ten images"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 10 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_imagebuilder_component" "word" {
  name     = "terraform-word"
  version  = var.component_version
  platform = "Linux"
  data = yamlencode({
    schemaVersion = 1.0
    phases = [
      {
        name  = "build"
        steps = [{ name = "Write", action = "ExecuteBash", inputs = { commands = ["echo ${var.word} >/word"] } }]
      },
      {
        name  = "test"
        steps = [{ name = "Read", action = "ExecuteBash", inputs = { commands = ["grep -x ${var.word} /word"] } }]
      },
    ]
  })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_imagebuilder_container_recipe" "web" {
  name              = "terraform-web"
  version           = var.component_version
  container_type    = "DOCKER"
  parent_image      = "arn:aws:imagebuilder:${data.aws_region.current.name}:aws:image/debian-12-slim/x.x.x"
  working_directory = "/srv"

  component {
    component_arn = aws_imagebuilder_component.word.arn
  }

  target_repository {
    repository_name = aws_ecr_repository.web.name
    service         = "ECR"
  }

  dockerfile_template_data = <<-END
    FROM {{{ imagebuilder:parentImage }}}
    {{{ imagebuilder:environments }}}
    {{{ imagebuilder:components }}}
    CMD ["cat", "/word"]
  END

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_imagebuilder_infrastructure_configuration" "web" {
  name                  = "terraform-web"
  instance_profile_name = "builds"
}

resource "aws_imagebuilder_distribution_configuration" "web" {
  name = "terraform-web"

  distribution {
    region = data.aws_region.current.name

    container_distribution_configuration {
      container_tags = ["latest", "v{{ imagebuilder:buildVersion }}"]

      target_repository {
        repository_name = aws_ecr_repository.web.name
        service         = "ECR"
      }
    }
  }
}

resource "aws_imagebuilder_image" "web" {
  container_recipe_arn             = aws_imagebuilder_container_recipe.web.arn
  infrastructure_configuration_arn = aws_imagebuilder_infrastructure_configuration.web.arn
  distribution_configuration_arn   = aws_imagebuilder_distribution_configuration.web.arn
}

data "aws_ecr_image" "latest" {
  repository_name = aws_ecr_repository.web.name
  image_tag       = "latest"
  depends_on      = [aws_imagebuilder_image.web]
}

output "uris" {
  value = flatten(aws_imagebuilder_image.web.output_resources[*].containers[*].image_uris)
}

output "digest" {
  value = data.aws_ecr_image.latest.image_digest
}
