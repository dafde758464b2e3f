terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100.0, < 6.0.0"
    }
  }
}

# Nothing of Ingot's: the endpoints and the keys come from the environment, by  eval "$(./ingot env)".
provider "aws" {
  region = var.region
}
