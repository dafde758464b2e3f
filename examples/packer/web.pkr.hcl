packer {
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = "~> 1"
    }
  }
}

variable "greeting" {
  type    = string
  default = "Hello from Packer"
}

variable "regions" {
  type    = list(string)
  default = ["us-east-1", "eu-west-1"]
}

locals {
  timestamp = regex_replace(timestamp(), "[- TZ:]", "")
  tags = {
    Team = "web"
  }
}

data "amazon-ami" "debian" {
  filters = {
    name = "debian-12-amd64-*"
  }
  owners      = ["136693071363"]
  most_recent = true
}

source "amazon-ebs" "web" {
  ami_name      = "web-${local.timestamp}"
  source_ami    = data.amazon-ami.debian.id
  instance_type = "t3.small"
  region        = var.regions[0]
  ami_regions   = var.regions
  ssh_username  = "admin"
  tags          = merge(local.tags, { Name = "web" })

  launch_block_device_mappings {
    device_name           = "/dev/xvda"
    volume_size           = 8
    volume_type           = "gp3"
    delete_on_termination = true
  }
}

build {
  sources = ["source.amazon-ebs.web"]

  provisioner "file" {
    source      = "files/"
    destination = "/tmp/site"
  }

  provisioner "shell" {
    environment_vars = ["GREETING=${var.greeting}"]
    script           = "scripts/install.sh"
    execute_command  = "sudo -E sh -c '{{ .Vars }} {{ .Path }}'"
  }

  provisioner "shell" {
    inline = [
      "test -s /srv/site/index.html",
      "grep -q '${var.greeting}' /srv/site/index.html",
    ]
  }

  post-processor "manifest" {
    output = "manifest.json"
  }
}
