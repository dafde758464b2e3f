resource "aws_imagebuilder_infrastructure_configuration" "golden" {
  name                          = var.name
  description                   = "2 CPUs and 2 GiB, for ${var.team}"
  instance_profile_name         = "EC2InstanceProfileForImageBuilder"
  instance_types                = ["t3.small"]
  terminate_instance_on_failure = true
  resource_tags                 = { team = var.team }
  tags                          = { team = var.team }
}

resource "aws_imagebuilder_distribution_configuration" "golden" {
  name        = var.name
  description = "Two Regions, for ${var.team}"

  distribution {
    region = var.region

    ami_distribution_configuration {
      name     = "${var.name} {{ imagebuilder:buildDate }}"
      ami_tags = { team = var.team }
    }
  }

  distribution {
    region = "eu-west-1"

    ami_distribution_configuration {
      name     = "${var.name} {{ imagebuilder:buildDate }}"
      ami_tags = { team = var.team }
    }
  }

  tags = { team = var.team }
}

data "aws_imagebuilder_infrastructure_configuration" "golden" {
  arn = aws_imagebuilder_infrastructure_configuration.golden.arn
}

data "aws_imagebuilder_infrastructure_configurations" "golden" {
  filter {
    name   = "name"
    values = [aws_imagebuilder_infrastructure_configuration.golden.name]
  }
}

data "aws_imagebuilder_distribution_configuration" "golden" {
  arn = aws_imagebuilder_distribution_configuration.golden.arn
}

data "aws_imagebuilder_distribution_configurations" "golden" {
  filter {
    name   = "name"
    values = [aws_imagebuilder_distribution_configuration.golden.name]
  }
}
