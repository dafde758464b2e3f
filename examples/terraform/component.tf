# A changed document needs another version: components cannot be changed, and Terraform would replace one that a recipe uses.
resource "aws_imagebuilder_component" "motd" {
  name        = "${var.name}-motd"
  version     = "1.0.0"
  platform    = "Linux"
  description = "A message of the day"
  data        = file("${path.module}/motd.yaml")
  tags        = { team = var.team }
}

# Components of Amazon's are found by their ARN; x is the newest.
data "aws_imagebuilder_component" "boot_test" {
  arn = "arn:aws:imagebuilder:${var.region}:aws:component/simple-boot-test-linux/x.x.x"
}

data "aws_imagebuilder_component" "motd" {
  arn = aws_imagebuilder_component.motd.arn
}

data "aws_imagebuilder_components" "own" {
  owner = "Self"

  filter {
    name   = "platform"
    values = ["Linux"]
  }

  depends_on = [aws_imagebuilder_component.motd]
}
