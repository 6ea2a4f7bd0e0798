# The module beside a cluster that is there: terraform init && terraform apply
terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.87, < 7.0"
    }
  }
}

provider "aws" {
  region = "eu-west-1"

  default_tags {
    tags = { product = "docpipe" }
  }
}

data "aws_eks_cluster" "this" {
  name = "platform"
}

data "aws_iam_openid_connect_provider" "this" {
  url = data.aws_eks_cluster.this.identity[0].oidc[0].issuer
}

module "docpipe" {
  # Elsewhere with the address of the repository before //deploy/terraform, which brings deploy/iam along.
  source = "../"

  name              = "acme"
  oidc_provider_arn = data.aws_iam_openid_connect_provider.this.arn
}

output "helm_values" {
  description = "Values for the Helm chart: terraform output -raw helm_values > aws.yaml"
  value       = module.docpipe.helm_values
}
