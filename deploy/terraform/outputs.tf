output "buckets" {
  description = "Names of the buckets, by what they hold."
  value       = { for name, bucket in aws_s3_bucket.this : name => bucket.id }
}

output "roles" {
  description = "ARNs of the roles, by the key of their service account in the Helm chart."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}

output "helm_values" {
  description = "Values for the Helm chart: terraform output -raw helm_values > aws.yaml"
  value = yamlencode({
    settings = merge(
      {
        DOCPIPE_BUCKET    = "s3://${aws_s3_bucket.this["documents"].id}"
        DOCPIPE_ARTIFACTS = "s3://${aws_s3_bucket.this["artifacts"].id}"
        DOCPIPE_S3_REGION = aws_s3_bucket.this["documents"].region
      },
      var.cloudwatch ? { DOCPIPE_CLOUDWATCH = "docpipe" } : {}
    )
    serviceAccount = {
      for name, role in aws_iam_role.this : name => {
        # Pod Identity knows the service accounts by name.
        annotations = { for arn in [role.arn] : "eks.amazonaws.com/role-arn" => arn if var.cluster_name == null }
      }
    }
    dagster = {
      computeLogManager = {
        config = {
          s3ComputeLogManager = {
            bucket = aws_s3_bucket.this["logs"].id
            region = aws_s3_bucket.this["logs"].region
          }
        }
      }
    }
  })
}
