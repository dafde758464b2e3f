resource "aws_imagebuilder_image_recipe" "golden" {
  name              = var.name
  version           = "1.0.0"
  description       = "Debian 12 with a message of the day"
  parent_image      = "arn:aws:imagebuilder:${var.region}:aws:image/debian-12-x86/x.x.x"
  working_directory = "/tmp"

  # They run in this order.
  component {
    component_arn = aws_imagebuilder_component.motd.arn

    parameter {
      name  = "Message"
      value = var.message
    }
  }

  component {
    component_arn = data.aws_imagebuilder_component.boot_test.arn
  }

  block_device_mapping {
    device_name = "/dev/xvda"

    ebs {
      volume_size           = 8
      volume_type           = "gp3"
      delete_on_termination = true
    }
  }

  tags = { team = var.team }
}

# Container images are not built yet; their recipes are kept.
resource "aws_imagebuilder_container_recipe" "golden" {
  name           = "${var.name}-container"
  version        = "1.0.0"
  description    = "Debian 12 with a message of the day"
  container_type = "DOCKER"
  parent_image   = "docker.io/library/debian:12"

  target_repository {
    service         = "ECR"
    repository_name = var.name
  }

  component {
    component_arn = aws_imagebuilder_component.motd.arn
  }

  dockerfile_template_data = <<-EOT
    FROM {{{ imagebuilder:parentImage }}}
    {{{ imagebuilder:environments }}}
    {{{ imagebuilder:components }}}
  EOT

  tags = { team = var.team }
}

data "aws_imagebuilder_image_recipe" "golden" {
  arn = aws_imagebuilder_image_recipe.golden.arn
}

data "aws_imagebuilder_image_recipes" "golden" {
  filter {
    name   = "name"
    values = [aws_imagebuilder_image_recipe.golden.name]
  }
}

data "aws_imagebuilder_container_recipe" "golden" {
  arn = aws_imagebuilder_container_recipe.golden.arn
}

data "aws_imagebuilder_container_recipes" "golden" {
  owner = "Self"

  filter {
    name   = "name"
    values = [aws_imagebuilder_container_recipe.golden.name]
  }
}
