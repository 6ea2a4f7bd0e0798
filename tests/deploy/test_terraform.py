"""The Terraform module: what it would make fits the files of deploy/iam, the Helm chart and a server that speaks S3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import jsonschema
import kubernetes_validate
import pytest
import yaml
from lark import Tree

from tests import servers
from tests.deploy.chart import CHART, merged, render, values
from tests.deploy.terraform import Block, Plan, Refused, parse, plan, references
from tests.deploy.variables import unknown

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
MODULE = DEPLOY / "terraform"
EXAMPLE = MODULE / "example"
IAM = DEPLOY / "iam"

ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/0123"
IRSA = {"name": "acme", "oidc_provider_arn": f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"}
POD_IDENTITY = {"name": "acme", "cluster_name": "platform"}
AS_IN_THE_FILES = {"documents": "documents", "artifacts": "artifacts", "logs": "dagster-logs"}
BUCKETS = {"documents": "acme-documents", "artifacts": "acme-artifacts", "logs": "acme-dagster-logs"}
ROLES = {"dagster": ["pipeline"], "io": ["pipeline"], "worker": ["worker"]}
ANSWER_AT_ONCE = {"STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR"}


def _made(variables: dict[str, Any]) -> Plan:
    return plan(MODULE, variables, _known_after)


def _known_after(kind: str, arguments: dict[str, Any]) -> dict[str, Any]:
    if kind == "aws_s3_bucket":
        return {"id": arguments["bucket"], "arn": f"arn:aws:s3:::{arguments['bucket']}", "region": "eu-west-1"}
    if kind == "aws_iam_role":
        return {"id": arguments["name"], "arn": f"arn:aws:iam::123456789012:role/{arguments['name']}"}
    return {}


def _file(name: str) -> dict[str, Any]:
    return dict(json.loads((IAM / f"{name}.json").read_text()))


@pytest.fixture
def storage() -> Iterator[Any]:
    """A client of an S3 server that has nothing."""
    with servers.s3() as url:
        yield boto3.client("s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")


def test_every_file_is_read() -> None:
    files = sorted(str(file.relative_to(MODULE)) for file in MODULE.rglob("*.tf"))
    assert files == ["buckets.tf", "example/main.tf", "lifecycle.tf", "outputs.tf", "roles.tf", "variables.tf", "versions.tf"]
    assert {block.kind for block in parse(MODULE)} == {"terraform", "variable", "locals", "resource", "output"}
    assert {block.kind for block in parse(EXAMPLE)} == {"terraform", "provider", "data", "module", "output"}


@pytest.mark.parametrize("folder", [MODULE, EXAMPLE], ids=["module", "example"])
def test_whatever_is_referred_to_is_there_and_whatever_is_there_is_used(folder: Path) -> None:
    blocks = parse(folder)
    there = {("var", *block.labels) for block in blocks if block.kind == "variable"}
    there |= {("local", name) for block in blocks if block.kind == "locals" for name in block.attributes}
    there |= {("data", *block.labels) for block in blocks if block.kind == "data"}
    there |= {("module", *block.labels) for block in blocks if block.kind == "module"}
    resources = {block.labels for block in blocks if block.kind == "resource"}
    own = {"each", "path", "string", "bool", *_loops(folder)}
    used = set()
    for block in blocks:
        for expression in block.expressions():
            for path in references(expression):
                if path[0] not in own:
                    found = [prefix for prefix in (path[:2], path[:3]) if prefix in there or prefix in resources]
                    assert found, f"nothing is called {'.'.join(path)}"
                    used.update(found)
    assert there <= used


def _loops(folder: Path) -> set[str]:
    """The names that are set by loops within expressions, and by blocks that are repeated."""
    names: set[str] = set()
    for block in parse(folder):
        for expression in block.expressions():
            for intro in expression.find_data("for_intro"):
                identifiers = [child for child in intro.children if isinstance(child, Tree) and child.data == "identifier"]
                names |= {str(identifier.children[0]) for identifier in identifiers}
        names |= _repeated(block)
    return names


def _repeated(block: Block) -> set[str]:
    inner = {name for one in block.blocks for name in _repeated(one)}
    return inner | ({block.labels[0]} if block.kind == "dynamic" else set())


def test_the_example_says_what_the_module_asks_for() -> None:
    variables = {block.labels[0]: "default" in block.attributes for block in parse(MODULE) if block.kind == "variable"}
    outputs = {block.labels[0] for block in parse(MODULE) if block.kind == "output"}
    (call,) = (block for block in parse(EXAMPLE) if block.kind == "module")
    said = set(call.attributes) - {"source"}
    assert said <= set(variables)
    assert {name for name, has_default in variables.items() if not has_default} <= said
    asked = {path[2] for block in parse(EXAMPLE) for one in block.expressions() for path in references(one) if path[0] == "module"}
    assert asked <= outputs


def test_the_example_takes_the_same_provider() -> None:
    assert _wanted(EXAMPLE) == _wanted(MODULE)


def _wanted(folder: Path) -> list[str]:
    """The texts that say which versions of Terraform and of the provider will do."""
    (block,) = (block for block in parse(folder) if block.kind == "terraform")
    strings = [string for expression in block.expressions() for string in expression.find_data("string")]
    return sorted(str(part.children[0]) for string in strings for part in string.find_data("string_part"))


def test_every_file_of_deploy_iam_has_its_place() -> None:
    files = {file.stem for file in IAM.iterdir()}
    assert files == {"pipeline", "worker", "metrics", *(f"lifecycle_{bucket}" for bucket in BUCKETS)}


@pytest.mark.parametrize("cloudwatch", [False, True])
def test_roles_have_the_policies_of_the_files(cloudwatch: bool) -> None:
    made = _made({**IRSA, "bucket_names": AS_IN_THE_FILES, "cloudwatch": cloudwatch})
    expected = {**ROLES, "dagster": ["pipeline", "metrics"]} if cloudwatch else ROLES
    policies = made.resources["aws_iam_role_policy.this"]
    assert set(policies) == set(expected)
    for role, names in expected.items():
        statements = [_listed(statement) for name in names for statement in _file(name)["Statement"]]
        assert json.loads(policies[role]["policy"]) == {"Version": "2012-10-17", "Statement": statements}
        assert policies[role]["role"] == f"acme-docpipe-{role}"


def _listed(statement: dict[str, Any]) -> dict[str, Any]:
    resources = statement["Resource"]
    return {**statement, "Resource": [resources] if isinstance(resources, str) else resources}


@pytest.mark.parametrize(
    "names",
    [BUCKETS, {"documents": "artifacts", "artifacts": "documents", "logs": "documents-logs"}],
    ids=["other names", "each other's names"],
)
def test_policies_speak_of_the_buckets_that_are_made(names: dict[str, str]) -> None:
    here = _made({**IRSA, "bucket_names": names}).resources["aws_iam_role_policy.this"]
    files = _made({**IRSA, "bucket_names": AS_IN_THE_FILES}).resources["aws_iam_role_policy.this"]
    called = {AS_IN_THE_FILES[bucket]: name for bucket, name in names.items()}
    for role in ROLES:
        for mine, theirs in zip(_statements(here[role]), _statements(files[role]), strict=True):
            split = [arn.removeprefix("arn:aws:s3:::").partition("/") for arn in theirs["Resource"]]
            assert mine["Resource"] == [f"arn:aws:s3:::{called[name]}{slash}{rest}" for name, slash, rest in split]


def _statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    return list(json.loads(policy["policy"])["Statement"])


def test_a_key_of_one_s_own_encrypts_all_buckets_and_every_role_may_use_it() -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/1"
    made = _made({**IRSA, "kms_key_arn": key})
    for policy in made.resources["aws_iam_role_policy.this"].values():
        assert _statements(policy)[-1]["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
        assert _statements(policy)[-1]["Resource"] == [key]
    for encryption in made.resources["aws_s3_bucket_server_side_encryption_configuration.this"].values():
        assert encryption["rule"] == [
            {
                "bucket_key_enabled": True,
                "apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms", "kms_master_key_id": key}],
            }
        ]


@pytest.mark.parametrize("role", ROLES)
def test_only_its_own_service_account_has_a_role(role: str) -> None:
    account = f"docpipe-{role}"
    (statement,) = _trust({**IRSA, "namespace": "papers"}, role)
    assert statement["Principal"] == {"Federated": IRSA["oidc_provider_arn"]}
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"] == {
        "StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": f"system:serviceaccount:papers:{account}"}
    }
    (statement,) = _trust({**POD_IDENTITY, "namespace": "papers"}, role)
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert {name.rpartition("/")[2]: value for name, value in statement["Condition"]["StringEquals"].items()} == {
        "eks-cluster-name": "platform",
        "kubernetes-namespace": "papers",
        "kubernetes-service-account": account,
    }


def _trust(variables: dict[str, Any], role: str) -> list[dict[str, Any]]:
    document = json.loads(_made(variables).resources["aws_iam_role.this"][role]["assume_role_policy"])
    return list(document["Statement"])


def test_pod_identity_associates_each_service_account_with_its_role() -> None:
    assert _made(IRSA).resources["aws_eks_pod_identity_association.this"] == {}
    assert _made(POD_IDENTITY).resources["aws_eks_pod_identity_association.this"] == {
        role: {
            "cluster_name": "platform",
            "namespace": "documents",
            "service_account": f"docpipe-{role}",
            "role_arn": f"arn:aws:iam::123456789012:role/acme-docpipe-{role}",
        }
        for role in ROLES
    }


@pytest.mark.parametrize(
    ("variables", "about"),
    [
        ({"name": "acme"}, "cluster_name"),
        ({**IRSA, **POD_IDENTITY}, "by one way"),
        ({**IRSA, "name": "Acme_"}, "small letters"),
        ({**IRSA, "bucket_names": {"document": "x"}}, "three buckets"),
        ({**IRSA, "oidc_provider_arn": f"https://{ISSUER}"}, "An ARN is meant"),
    ],
    ids=["no way to a role", "two ways to a role", "no name for a bucket", "no such bucket", "no ARN"],
)
def test_wrong_variables_are_refused(variables: dict[str, Any], about: str) -> None:
    with pytest.raises(Refused, match=about):
        _made(variables)


def test_rules_for_the_life_of_objects_are_those_of_the_files_and_a_server_takes_them(storage: Any) -> None:
    made = _made(IRSA).resources["aws_s3_bucket_lifecycle_configuration.this"]
    assert {bucket: one["bucket"] for bucket, one in made.items()} == BUCKETS
    for bucket, name in BUCKETS.items():
        rules = [_as_s3_says_it(rule) for rule in made[bucket]["rule"]]
        assert rules == _file(f"lifecycle_{bucket}")["Rules"]
        storage.create_bucket(Bucket=name)
        storage.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
        assert storage.get_bucket_lifecycle_configuration(Bucket=name)["Rules"] == rules


def _as_s3_says_it(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule in the words of S3, of which no file of ours names any other."""
    (selection,) = rule["filter"]
    said: dict[str, Any] = {"ID": rule["id"], "Status": rule["status"], "Filter": {"Prefix": selection["prefix"]}}
    for expiration in rule["expiration"]:
        words = {"Days": expiration["days"], "ExpiredObjectDeleteMarker": expiration["expired_object_delete_marker"]}
        said["Expiration"] = {word: value for word, value in words.items() if value is not None}
    for unfinished in rule["abort_incomplete_multipart_upload"]:
        said["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": unfinished["days_after_initiation"]}
    for old in rule["noncurrent_version_expiration"]:
        said["NoncurrentVersionExpiration"] = {"NoncurrentDays": old["noncurrent_days"]}
    for transition in rule["transition"]:
        said.setdefault("Transitions", []).append({"Days": transition["days"], "StorageClass": transition["storage_class"]})
    return said


def test_no_rule_takes_away_what_is_read_again() -> None:
    for rule in _file("lifecycle_artifacts")["Rules"]:
        assert not {"Expiration", "Transitions"} & set(rule), "a missing artifact is made again, at its price"
    for rule in _file("lifecycle_documents")["Rules"]:
        assert set(rule.get("Expiration", {})) <= {"ExpiredObjectDeleteMarker"}
        assert {one["StorageClass"] for one in rule.get("Transitions", [])} <= ANSWER_AT_ONCE
    for rule in _file("lifecycle_logs")["Rules"]:
        assert rule["Filter"] == {"Prefix": f"{values()['dagster']['computeLogManager']['config']['s3ComputeLogManager']['prefix']}/"}


def test_documents_stay_where_they_are_when_that_is_asked_for() -> None:
    rules = _made({**IRSA, "cold_documents": False}).resources["aws_s3_bucket_lifecycle_configuration.this"]["documents"]["rule"]
    assert [_as_s3_says_it(rule) for rule in rules] == [rule for rule in _file("lifecycle_documents")["Rules"] if "Transitions" not in rule]


def test_every_bucket_is_closed_encrypted_and_refuses_requests_without_tls(storage: Any) -> None:
    made = _made(IRSA).resources
    assert {bucket: one["bucket"] for bucket, one in made["aws_s3_bucket.this"].items()} == BUCKETS
    for bucket, name in BUCKETS.items():
        storage.create_bucket(Bucket=name)
        closed = made["aws_s3_bucket_public_access_block.this"][bucket]
        storage.put_public_access_block(
            Bucket=closed["bucket"],
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": closed["block_public_acls"],
                "BlockPublicPolicy": closed["block_public_policy"],
                "IgnorePublicAcls": closed["ignore_public_acls"],
                "RestrictPublicBuckets": closed["restrict_public_buckets"],
            },
        )
        encrypted = made["aws_s3_bucket_server_side_encryption_configuration.this"][bucket]
        (rule,) = encrypted["rule"]
        (default,) = rule["apply_server_side_encryption_by_default"]
        assert default["kms_master_key_id"] is None
        storage.put_bucket_encryption(
            Bucket=encrypted["bucket"],
            ServerSideEncryptionConfiguration={
                "Rules": [
                    {
                        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": default["sse_algorithm"]},
                        "BucketKeyEnabled": rule["bucket_key_enabled"],
                    }
                ]
            },
        )
        policy = made["aws_s3_bucket_policy.this"][bucket]
        storage.put_bucket_policy(Bucket=policy["bucket"], Policy=policy["policy"])

        assert set(storage.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values()) == {True}
        (rule,) = storage.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
        (statement,) = json.loads(storage.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
        assert statement["Resource"] == [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_versions_are_kept_of_documents_alone() -> None:
    made = _made(IRSA).resources
    kept = {address: one for address, one in made.items() if address.startswith("aws_s3_bucket_versioning.")}
    assert kept == {
        "aws_s3_bucket_versioning.documents": {"": {"bucket": "acme-documents", "versioning_configuration": [{"status": "Enabled"}]}}
    }


@pytest.mark.parametrize("variables", [IRSA, POD_IDENTITY], ids=["IRSA", "Pod Identity"])
def test_the_chart_takes_what_the_module_puts_out(variables: dict[str, Any]) -> None:
    made = _made({**variables, "cloudwatch": True})
    assert made.outputs["buckets"] == BUCKETS
    given = yaml.safe_load(made.outputs["helm_values"])
    everything = merged(values(), given)
    jsonschema.validate(everything, json.loads((CHART / "values.schema.json").read_text()))
    assert everything["dagster"]["computeLogManager"]["config"]["s3ComputeLogManager"] == {
        "bucket": "acme-dagster-logs",
        "prefix": "compute-logs",
        "skipEmptyFiles": True,
        "region": "eu-west-1",
    }
    objects = render(given)
    settings = objects["ConfigMap", "docpipe-settings"]["data"]
    assert settings["DOCPIPE_BUCKET"] == "s3://acme-documents"
    assert settings["DOCPIPE_ARTIFACTS"] == "s3://acme-artifacts"
    assert settings["DOCPIPE_S3_REGION"] == "eu-west-1"
    assert {settings["DOCPIPE_CLOUDWATCH"]} == set(_file("metrics")["Statement"][0]["Condition"]["StringEquals"].values())
    assert not unknown(set(given["settings"]))
    accounts = {name: one["metadata"].get("annotations") or {} for (kind, name), one in objects.items() if kind == "ServiceAccount"}
    arns = {f"docpipe-{role}": {"eks.amazonaws.com/role-arn": arn} for role, arn in made.outputs["roles"].items()}
    assert accounts == (arns if variables is IRSA else {account: {} for account in arns})


def test_workers_may_ask_for_their_role_where_pod_identity_gives_it() -> None:
    policy = yaml.safe_load((MODULE / "pod_identity.yaml").read_text())
    kubernetes_validate.validate(policy, "1.33", strict=True)
    assert policy["spec"]["podSelector"] == render()["NetworkPolicy", "docpipe-worker"]["spec"]["podSelector"]
    (way,) = policy["spec"]["egress"]
    # The node's own role is to be had at another address of the same port.
    assert way == {"to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}], "ports": [{"protocol": "TCP", "port": 80}]}


def test_a_server_takes_the_roles() -> None:
    with servers.s3() as url:
        people = boto3.client("iam", endpoint_url=url, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        made = _made({**IRSA, "cloudwatch": True, "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1"}).resources
        for role in ROLES:
            one, policy = made["aws_iam_role.this"][role], made["aws_iam_role_policy.this"][role]
            people.create_role(RoleName=one["name"], AssumeRolePolicyDocument=one["assume_role_policy"])
            people.put_role_policy(RoleName=policy["role"], PolicyName=policy["name"], PolicyDocument=policy["policy"])
        assert {one["RoleName"] for one in people.list_roles()["Roles"]} == {f"acme-docpipe-{role}" for role in ROLES}
