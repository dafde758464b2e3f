resource "aws_imagebuilder_image_pipeline" "golden" {
  name                             = var.name
  description                      = "For ${var.team}"
  image_recipe_arn                 = aws_imagebuilder_image_recipe.golden.arn
  infrastructure_configuration_arn = aws_imagebuilder_infrastructure_configuration.golden.arn
  distribution_configuration_arn   = aws_imagebuilder_distribution_configuration.golden.arn

  image_tests_configuration {
    image_tests_enabled = var.boot_tests
    timeout_minutes     = 60
  }

  # Every Sunday night. A timezone may be named too, but the provider's data source of pipelines (5.100) does not know that attribute and fails on it.
  schedule {
    schedule_expression                = "cron(0 3 ? * SUN *)"
    pipeline_execution_start_condition = "EXPRESSION_MATCH_AND_DEPENDENCY_UPDATES_AVAILABLE"
  }

  tags = { team = var.team }
}

resource "aws_imagebuilder_image" "golden" {
  count = var.build_image ? 1 : 0

  image_recipe_arn                 = aws_imagebuilder_image_recipe.golden.arn
  infrastructure_configuration_arn = aws_imagebuilder_infrastructure_configuration.golden.arn
  distribution_configuration_arn   = aws_imagebuilder_distribution_configuration.golden.arn

  image_tests_configuration {
    image_tests_enabled = var.boot_tests
    timeout_minutes     = 60
  }

  tags = { team = var.team }
}

resource "aws_imagebuilder_workflow" "test" {
  name        = "${var.name}-test"
  version     = "1.0.0"
  type        = "TEST"
  description = "Boots the image, and runs the test phases there"
  data        = file("${path.module}/test-workflow.yaml")
  tags        = { team = var.team }
}

resource "aws_imagebuilder_lifecycle_policy" "golden" {
  name           = var.name
  description    = "Keeps the newest images of ${var.team}"
  execution_role = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/lifecycle"
  resource_type  = "AMI_IMAGE"

  policy_detail {
    action {
      type = "DELETE"

      include_resources {
        amis      = true
        snapshots = true
      }
    }

    filter {
      type  = "COUNT"
      value = var.keep_images
    }
  }

  resource_selection {
    tag_map = { team = var.team }
  }

  tags = { team = var.team }
}

data "aws_imagebuilder_image_pipeline" "golden" {
  arn = aws_imagebuilder_image_pipeline.golden.arn
}

data "aws_imagebuilder_image_pipelines" "golden" {
  filter {
    name   = "name"
    values = [aws_imagebuilder_image_pipeline.golden.name]
  }
}

data "aws_caller_identity" "current" {}

# Amazon's, with the version that x is now.
data "aws_imagebuilder_image" "parent" {
  arn = aws_imagebuilder_image_recipe.golden.parent_image
}

data "aws_imagebuilder_image" "golden" {
  count = var.build_image ? 1 : 0
  arn   = aws_imagebuilder_image.golden[0].arn
}
