terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # 5.86 refuses lifecycle rules that are for all objects: https://github.com/hashicorp/terraform-provider-aws/pull/41296
      version = ">= 5.87, < 7.0"
    }
  }
}
