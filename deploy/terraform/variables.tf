variable "name" {
  description = "What the names of buckets and roles begin with, such as acme: S3 knows no two buckets of one name, whoever owns them."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,39}$", var.name))
    error_message = "A name has 2 to 40 small letters, digits and hyphens, since it becomes a part of the names of buckets."
  }
}

variable "bucket_names" {
  description = "Names of buckets that do not follow from `name`, under documents, artifacts and logs."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.bucket_names), ["documents", "artifacts", "logs"])) == 0
    error_message = "There are three buckets: documents, artifacts and logs."
  }
}

variable "oidc_provider_arn" {
  description = "ARN of the cluster's OIDC provider, for roles of service accounts (IRSA); null with Pod Identity."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_provider_arn == null || can(regex(":oidc-provider/.", var.oidc_provider_arn))
    error_message = "An ARN is meant, such as arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123."
  }
}

variable "cluster_name" {
  description = "Name of the EKS cluster, for Pod Identity, whose agent must run there; null with roles of service accounts."
  type        = string
  default     = null
}

variable "namespace" {
  description = "Kubernetes namespace of the Helm release."
  type        = string
  default     = "documents"
}

variable "cold_documents" {
  description = "Whether documents move to Glacier Instant Retrieval at 30 days, as deploy/iam/lifecycle_documents.json says."
  type        = bool
  default     = true
}

variable "cloudwatch" {
  description = "Whether Dagster's processes may send numbers to CloudWatch, to the namespace docpipe."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "ARN of a KMS key that encrypts all three buckets and that the account's IAM policies may give rights to; null: S3's own keys."
  type        = string
  default     = null
}
