locals {
  # A role for each service account of the Helm chart, by its key under `serviceAccount` there.
  roles = {
    dagster = {
      service_account = "docpipe-dagster"
      policies        = concat(["pipeline"], var.cloudwatch ? ["metrics"] : [])
    }
    io = {
      service_account = "docpipe-io"
      policies        = ["pipeline"]
    }
    worker = {
      service_account = "docpipe-worker"
      policies        = ["worker"]
    }
  }

  # What the policies of deploy/iam name, and what it is called here.
  arns = {
    "*"                         = "*"
    "arn:aws:s3:::documents"    = aws_s3_bucket.this["documents"].arn
    "arn:aws:s3:::artifacts"    = aws_s3_bucket.this["artifacts"].arn
    "arn:aws:s3:::dagster-logs" = aws_s3_bucket.this["logs"].arn
  }

  # A whole name at a time: a bucket may be called what another one is called in the files.
  statements = {
    for policy in ["pipeline", "worker", "metrics"] : policy => [
      for statement in jsondecode(file("${path.module}/../iam/${policy}.json")).Statement : merge(statement, {
        Resource = [
          for resource in flatten([statement.Resource]) : replace(resource, "/^[^/]+/", local.arns[regex("^[^/]+", resource)])
        ]
      })
    ]
  }

  key_statements = [
    for key in [var.kms_key_arn] : {
      Sid      = "UseTheKeyOfTheBuckets"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [key]
    } if key != null
  ]

  issuer = var.oidc_provider_arn == null ? "" : split(":oidc-provider/", var.oidc_provider_arn)[1]
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name = "${var.name}-${each.value.service_account}"
  assume_role_policy = var.cluster_name == null ? jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Federated = var.oidc_provider_arn }
        Action    = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "${local.issuer}:aud" = "sts.amazonaws.com"
            "${local.issuer}:sub" = "system:serviceaccount:${var.namespace}:${each.value.service_account}"
          }
        }
      }
    ]
    }) : jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "pods.eks.amazonaws.com" }
        Action    = ["sts:AssumeRole", "sts:TagSession"]
        # Without them, whoever may associate roles with pods could give this one to any pod of the account.
        Condition = {
          StringEquals = {
            "aws:RequestTag/eks-cluster-name"           = var.cluster_name
            "aws:RequestTag/kubernetes-namespace"       = var.namespace
            "aws:RequestTag/kubernetes-service-account" = each.value.service_account
          }
        }
      }
    ]
  })

  lifecycle {
    precondition {
      condition     = (var.oidc_provider_arn == null) != (var.cluster_name == null)
      error_message = "Pods get their roles by one way: set oidc_provider_arn (IRSA) or cluster_name (Pod Identity)."
    }
  }
}

resource "aws_iam_role_policy" "this" {
  for_each = local.roles

  name = "docpipe"
  role = aws_iam_role.this[each.key].id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(flatten([for policy in each.value.policies : local.statements[policy]]), local.key_statements)
  })
}

resource "aws_eks_pod_identity_association" "this" {
  for_each = { for name, role in local.roles : name => role if var.cluster_name != null }

  cluster_name    = var.cluster_name
  namespace       = var.namespace
  service_account = each.value.service_account
  role_arn        = aws_iam_role.this[each.key].arn
}
