# The rules are those of deploy/iam, which others give to S3 as they are.
locals {
  rules = {
    for bucket in keys(local.buckets) : bucket => [
      for rule in jsondecode(file("${path.module}/../iam/lifecycle_${bucket}.json")).Rules : rule
      if rule.ID != "cold" || var.cold_documents
    ]
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  dynamic "rule" {
    for_each = local.rules[each.key]

    content {
      id     = rule.value.ID
      status = rule.value.Status

      filter {
        prefix = rule.value.Filter.Prefix
      }

      dynamic "abort_incomplete_multipart_upload" {
        for_each = try([rule.value.AbortIncompleteMultipartUpload], [])

        content {
          days_after_initiation = abort_incomplete_multipart_upload.value.DaysAfterInitiation
        }
      }

      dynamic "expiration" {
        for_each = try([rule.value.Expiration], [])

        content {
          days                         = try(expiration.value.Days, null)
          expired_object_delete_marker = try(expiration.value.ExpiredObjectDeleteMarker, null)
        }
      }

      dynamic "noncurrent_version_expiration" {
        for_each = try([rule.value.NoncurrentVersionExpiration], [])

        content {
          noncurrent_days = noncurrent_version_expiration.value.NoncurrentDays
        }
      }

      dynamic "transition" {
        for_each = try(rule.value.Transitions, [])

        content {
          days          = transition.value.Days
          storage_class = transition.value.StorageClass
        }
      }
    }
  }

  # Rules for old versions are for a bucket that has some.
  depends_on = [aws_s3_bucket_versioning.documents]
}
