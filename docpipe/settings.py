"""Every environment variable, once.

`DOCPIPE_<FIELD>` sets a field; an `.env` file in the working directory is read too. Fields that earlier systems or other
tools name as well, such as `S3_BUCKET` or `OPENAI_API_KEY`, are set by those names too; `_also` lists them. `docpipe settings`
prints the values in force, and docs/settings.md, from the section comments and the docstrings below.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal, LiteralString
from urllib.parse import quote

from pydantic import AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from docpipe.cores import usable_cores
from docpipe.errors import ConfigurationError

MEBIBYTE = 1024 * 1024
_DAY = 86_400


def _also(name: str, *others: str) -> AliasChoices:
    return AliasChoices(f"DOCPIPE_{name}", *others)


class Settings(BaseSettings):
    """The whole configuration; frozen, and safe to print: secrets show as asterisks."""

    model_config = SettingsConfigDict(
        env_prefix="DOCPIPE_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    # Home
    home: Path = Path(".docpipe")
    """Holds everything the embedded default keeps: bucket, artifacts, index, ledger, Dagster."""
    models: str = ""
    """Folder of models made ready for the processor, which several homes and processes may share; empty: `<home>/models`."""

    # Where documents come from and where things are kept
    bucket: str = Field("", validation_alias=_also("BUCKET"))
    """Where documents come from: `file:///path` or `s3://bucket/prefix`; empty: `<home>/bucket`, or `s3://$S3_BUCKET` where that is set."""
    artifacts: str = ""
    """Where artifacts are kept, written like `bucket`; empty: `<home>/artifacts`."""
    ledger: SecretStr = SecretStr("")
    """SQLAlchemy URL of the ledger; empty: SQLite at `<home>/ledger.sqlite`."""
    s3_bucket: str = Field("", validation_alias=_also("S3_BUCKET", "S3_BUCKET"))
    """Name of an S3 bucket, used where `bucket` is empty."""
    s3_endpoint: str = Field("", validation_alias=_also("S3_ENDPOINT", "S3_ENDPOINT"))
    """URL of an S3 server that is not Amazon's, such as MinIO; empty: Amazon S3."""
    s3_region: str = Field("us-east-1", validation_alias=_also("S3_REGION", "AWS_REGION"))
    """AWS region of the buckets, and of CloudWatch."""
    s3_access_key: SecretStr = Field(SecretStr(""), validation_alias=_also("S3_ACCESS_KEY", "S3_ACCESS_KEY"))
    """Access key of the S3 server; empty, like the secret key: boto3's own chain (instance role, profile, environment)."""
    s3_secret_key: SecretStr = Field(SecretStr(""), validation_alias=_also("S3_SECRET_KEY", "S3_SECRET_KEY"))
    """Secret key that belongs to the access key."""

    # Admission
    max_document_bytes: int = Field(512 * MEBIBYTE, ge=1)
    """Largest object that is accepted, in bytes; larger ones are refused."""
    passwords: SecretStr = SecretStr("")
    """Passwords to try on encrypted files, separated by commas."""

    # Batches
    batch_documents: int = Field(100, ge=1)
    """Documents that one batch, and so one run, has at most."""
    batch_bytes: int = Field(256 * MEBIBYTE, ge=1)
    """Bytes that the objects of one batch have together at most; a larger one travels alone."""
    batch_pages: int = Field(5_000, ge=1)
    """Pages of one batch at most, by the estimate of `docpipe.admit`, since they are not known before parsing."""
    sensor_seconds: int = Field(30, ge=1)
    """Shortest time between two looks at the bucket."""
    tick_seconds: float = Field(40.0, ge=1, le=120)
    """Time a sensor tick may spend looking; the next tick goes on from there. Dagster's own limit is 60."""
    tick_documents: int = Field(5_000, ge=1)
    """New documents one tick admits."""
    max_attempts: int = Field(3, ge=1)
    """Tries of one document in a stage (transient errors), and runs that may die on it."""

    # Workers
    workers: int = Field(default_factory=usable_cores, ge=1)
    """Parsing processes."""
    task_seconds: float = Field(120.0, gt=0, le=_DAY)
    """Longest a worker may be busy with one task before it is killed: a whole document, or a range of its pages."""
    checkpoint_seconds: float = Field(30.0, ge=0, le=_DAY)
    """Work on a document's pages after which those that were read are kept for the case of a kill; 0: they never are."""
    document_seconds: float = Field(3_600.0, gt=0, le=_DAY)
    """Worker time that parsing one document may take, all its tasks together, and those of a killed attempt whose pages were kept."""
    worker_memory_mb: int = Field(3_072, ge=512)
    """Address space of a worker; a document that wants more fails alone. OCR workers get twice this."""
    worker_output_mb: int = Field(256, ge=1)
    """Largest result a worker may hand back."""

    # Parsing
    attachments: int = Field(100, ge=0, le=1_000)
    """Attachments of one mail that become documents of their own; 0: none. Together at most `worker_output_mb`."""
    attachment_depth: int = Field(5, ge=1, le=20)
    """How deep mails may lie in mails; what lies deeper is refused."""
    libreoffice: str = ""
    """Path of `soffice`, which converts DOC, PPT, XLS and RTF; empty: looked for in the usual places; `off`: not used."""
    ocr: bool = True
    """Read pages and pictures whose text is missing or broken by optical character recognition (OCR)."""
    layout: bool = True
    """Use PyMuPDF's layout model; without it, plain text with headings by font."""
    layout_max_pages: int = Field(2_000, ge=0)
    """Longer documents take the text route: at 8 pages a CPU-second the layout model would take hours."""

    ocr_languages: str = ""
    """Languages of scans, as ISO 639-1 codes with commas between; empty: what the bundled model reads (Latin letters, Chinese, Japanese).

    Others, such as `ar`, `ko` or `ru`, are read by the Tesseract program, which must be installed with its data for them.
    """
    tessdata: str = ""
    """Folder of Tesseract's `.traineddata` files; empty: `TESSDATA_PREFIX`, then where packages put them."""
    ocr_confidence: float = Field(0.85, ge=0, le=1)
    """Mean confidence below which a page counts as unread: it is marked, and described by a vision model where there is one."""
    docling_models: str = ""
    """Folder that `docling-tools models download` filled; pages that need layout then go to docling's own models."""

    # Which reader a page gets; benchmarks/parse_quality.py --sweep shows what each of these costs and brings
    route_bad_characters: float = Field(0.1, ge=0, le=1)
    """Share of unreadable characters above which OCR reads the page; broken papers have 0.5, sound ones below 0.01."""
    route_few_characters: int = Field(50, ge=0)
    """Characters below which a page may be a picture of text."""
    route_image_share: float = Field(0.2, ge=0, le=1)
    """Share of a page with so few characters that is covered by images, above which OCR reads it."""
    route_faint_image_share: float = Field(0.02, ge=0, le=1)
    """The same share for a page without any text; also the largest picture of a page that counts as prose."""
    route_shapes: int = Field(200, ge=0)
    """Drawn shapes on a page almost without text above which they may be letters, and OCR reads it."""
    route_layout_characters: int = Field(100_000, ge=0)
    """Characters above which a page is read as plain text.

    The layout model's cost grows faster than the text: 3 s at 50,000 characters in short lines, 14 s at 100,000, 58 s at twice as many.
    """
    route_prose: bool = True
    """Read pages of simple prose as plain text: thirty times as fast as the layout model, and as well."""
    route_prose_long_lines: float = Field(0.6, ge=0, le=1)
    """Share of a page's characters that stand in lines of 40 or more where it is prose."""
    route_prose_shapes: int = Field(4, ge=0)
    """Drawn shapes, rules and backgrounds aside, above which a page is more than prose."""
    route_picture_share: float = Field(0.06, gt=0, le=1)
    """Share of the page from which a picture on a page with text is looked at: where it seems to hold text, OCR reads it."""

    # Pictures
    figures: int = Field(200, ge=0, le=10_000)
    """Figures of one document that are cut out and kept as files beside its artifact; 0 keeps none."""
    figures_mb: int = Field(64, ge=1)
    """Most that the figures of one document may take together."""
    render_workers: int = Field(default_factory=usable_cores, ge=1)
    """Processes that render page pictures."""
    page_pictures_mb: int = Field(512, ge=0)
    """Page pictures kept in `<home>/page_pictures`, so that a page is rendered once; 0 keeps none."""
    vision_url: str = ""
    """Base URL of an OpenAI-compatible server, such as https://api.openai.com/v1; empty: pictures get no descriptions."""
    vision_model: str = ""
    """Model that `vision_url` serves: describes figures, and transcribes pages that nothing else can read."""
    vision_key: SecretStr = SecretStr("")
    """API key for `vision_url`; empty where its server asks for none."""
    vision_requests: int = Field(4, ge=1, le=256)
    """Requests to the vision model under way at a time."""
    vision_seconds: float = Field(120.0, gt=0, le=3_600)
    """Longest wait for one answer of the vision model."""

    # Chunks
    chunk_tokens: int = Field(512, ge=16)
    """Tokens of a chunk at most; capped by the embedder's window less its special tokens (254 for MiniLM)."""
    chunk_overlap: int = Field(50, ge=0)
    """Tokens that a chunk repeats from the end of the one before it; at most half of `chunk_tokens`."""

    # Enrichment
    labels: str = "report,scientific paper,manual,letter or e-mail,invoice,contract,presentation,table of data,web page,book"
    """Document classes, separated by commas."""
    key_phrases: int = Field(8, ge=0)
    """Key phrases of each chunk at most; 0: none."""

    # Embeddings
    embedder: str = "minilm"
    """Model that embeds: minilm (from the wheel), a folder with a sentence-transformers model, or `openai:<model>` behind `embed_url`."""
    embed_backend: str = "auto"
    """What runs a local model: auto, openvino or torch."""
    embed_batch_tokens: int = Field(0, ge=0)
    """Tokens of one batch, padding counted; 0: what `benchmarks/embed_speed.py` found best for the device."""
    embed_dimension: int = Field(0, ge=0)
    """Shortens the vectors of a model that was trained for it (Matryoshka); 0: the model's own."""
    embed_window: int = Field(0, ge=0)
    """Tokens the model may read, special ones included; 0: what its folder says, 8,191 for OpenAI's models."""
    embed_pooling: str = ""
    """How the vectors of a text's tokens become one: mean, cls, max or last; empty: what the model's folder says."""
    embed_query_prompt: str | None = None
    """Text put before every query; unset: what the model's folder says."""
    embed_passage_prompt: str | None = None
    """Text put before every passage, and counted in the chunks' size; unset: what the model's folder says."""
    embed_tokenizer: str = ""
    """A `tokenizer.json` that counts the tokens of an `openai:` model; empty: MiniLM's, which is near enough for Latin letters."""
    embed_url: str = "https://api.openai.com/v1"
    """Base URL of the OpenAI-compatible server of an `openai:` model."""
    embed_key: SecretStr = Field(SecretStr(""), validation_alias=_also("EMBED_KEY", "OPENAI_API_KEY"))
    """API key for `embed_url`; empty where its server asks for none."""
    embed_requests: int = Field(8, ge=1, le=256)
    """Requests to `embed_url` under way at a time."""
    embed_seconds: float = Field(120.0, gt=0, le=3_600)
    """Longest wait for one answer of `embed_url`."""
    embed_requests_per_minute: int = Field(0, ge=0)
    """Requests a minute that the provider allows, shared by all workers through the ledger; 0: no limit of ours."""
    embed_tokens_per_minute: int = Field(0, ge=0)
    """Tokens a minute that the provider allows, shared in the same way; 0: no limit of ours."""
    embed_cache_mb: int = Field(1_024, ge=0)
    """Vectors kept in `<home>/embedding_cache.sqlite`, so that no text is embedded twice; 0 keeps none."""

    # Index
    qdrant_url: str = ""
    """URL of a Qdrant server; empty: Qdrant Edge, embedded, at `<home>/index`."""
    qdrant_api_key: SecretStr = SecretStr("")
    """API key of the Qdrant server; empty: none is sent."""
    collection: str = Field("documents", pattern=r"^[A-Za-z0-9_.]{1,100}$")
    """The alias that is searched; each model has a collection of its own behind it, named after both."""
    index_quantization: Literal["none", "int8", "binary"] = "none"
    """Smaller vectors in memory, compared with the full ones at the end; docs/evaluation.md has what it costs in recall."""
    index_lock_seconds: float = Field(120.0, ge=0, le=_DAY)
    """How long a writer waits for another one to let go of the embedded index; readers never wait."""

    # Search
    search_dense_weight: float = Field(2.0, ge=0)
    """Weight of meaning in the fusion, as `benchmarks/retrieval.py` found it; `docpipe eval` shows what another weight does."""
    search_sparse_weight: float = Field(1.0, ge=0)
    """Weight of terms in the fusion."""
    reranker: str = ""
    """A folder with a sentence-transformers cross-encoder, which orders the best passages anew; empty: none."""
    rerank_candidates: int = Field(30, ge=1, le=1_000)
    """Passages handed to the reranker."""

    # Quality
    golden_set: str = ""
    """Folder with `queries.jsonl` and `qrels.tsv` (BEIR); searched after each change of the model, and by the asset check."""
    golden_tolerance: float = Field(0.01, ge=0, le=1)
    """How much nDCG@10 a new collection may lose against the searched one and still take its place."""

    # Quarantine
    quarantine: bool = True
    """Move the objects of documents that failed for good, or were refused, to `_quarantine/` in the bucket; off: they stay."""
    quarantine_seconds: int = Field(30, ge=1)
    """Shortest time between two looks for documents to move into quarantine."""

    # Lanes
    executor: Literal["in_process", "celery", "k8s"] = "in_process"
    """Where the steps of a run work: in the run's own process, on the workers of `docpipe worker`, or each in a pod of its own."""
    redis_host: str = Field("localhost", validation_alias=_also("REDIS_HOST", "REDIS_HOST"))
    """Host of the Redis server."""
    redis_port: int = Field(6379, ge=1, le=65_535, validation_alias=_also("REDIS_PORT", "REDIS_PORT"))
    """Port of the Redis server."""
    redis_password: SecretStr = Field(SecretStr(""), validation_alias=_also("REDIS_PASSWORD", "REDIS_PASSWORD"))
    """Password of the Redis server; empty: none."""
    redis: SecretStr = Field(SecretStr(""), validation_alias=_also("REDIS", "REDIS_URL"))
    """URL of the Redis server without a database; empty: made of `redis_host`, `redis_port` and `redis_password`."""
    celery_broker: SecretStr = Field(SecretStr(""), validation_alias=_also("CELERY_BROKER", "CELERY_BROKER_URL"))
    """Where steps wait for a worker; empty: database 1 of the Redis server."""
    celery_results: SecretStr = Field(SecretStr(""), validation_alias=_also("CELERY_RESULTS", "CELERY_RESULT_BACKEND"))
    """Where workers leave what came of their steps; empty: database 2 of the Redis server."""
    cpu_concurrency: int = Field(0, ge=0, le=1_024)
    """Documents that a worker of the lane `cpu` parses at a time; 0: twice the processors that it may use."""
    gpu_concurrency: int = Field(0, ge=0, le=64)
    """Processes for each GPU; 0: one. Each loads the model, so several must have room in the GPU's memory."""
    io_concurrency: int = Field(200, ge=1, le=10_000)
    """Documents that a worker of the lane `io` has in hand at a time; a step has a batch of them."""
    gpu_count: int | None = Field(None, ge=0, le=1_024, validation_alias=_also("GPU_COUNT", "GPU_COUNT"))
    """GPUs of the machine; unset: those that `nvidia-smi` lists. 0: embed on the processors."""
    lost_step_seconds: float = Field(60.0, ge=3, le=3_600)
    """Silence after which the worker of a step counts as lost, and another one gets the step."""
    pools: str = "openai=4,vision=4"
    """Steps at a time on all machines together, by pool: the lanes `cpu`, `gpu`, `io`, and the paid `openai` and `vision`."""
    lane_resources: str = ""
    """Processors and memory of a step's pod on Kubernetes, by lane, such as `cpu=4/16Gi,io=1/4Gi`; empty: 2/8Gi, for `io` 500m/2Gi."""
    lane_images: str = ""
    """Image of a step's pod on Kubernetes, by lane, such as `cpu=docpipe/cpu:1.2,gpu=docpipe/gpu:1.2`; empty: that of its run."""
    lane_accounts: str = ""
    """Service account of a step's pod on Kubernetes, by lane, such as `cpu=docpipe-worker,io=docpipe-io`; empty: that of its run."""

    # Metrics, logs and traces
    monitor: bool = Field(True, validation_alias=_also("MONITOR", "MONITORING_ENABLED"))
    """Runs count what they did in the ledger, for `docpipe monitor`."""
    cloudwatch: str = ""
    """Namespace in Amazon CloudWatch to which the most important numbers go every minute, such as docpipe; empty: none do.

    Needs `monitor`.
    """
    log_format: Literal["text", "json"] = "text"
    """Form of the log; json: one object a line, with time, level, logger, message, and the document, stage, run and batch where known."""
    log_level: Literal["", "debug", "info", "warning", "error"] = Field("", validation_alias=_also("LOG_LEVEL", "LOG_LEVEL"))
    """Least level that is written; empty: info, and for text from commands warning."""
    traces: str = Field("", validation_alias=_also("TRACES", "OTEL_EXPORTER_OTLP_ENDPOINT"))
    """Base URL of an OpenTelemetry receiver that speaks OTLP over HTTP, such as http://127.0.0.1:4318; empty: no traces."""

    # Alerts
    alert_rules: str = ""
    """File of alert rules; empty: those that are shipped, in docpipe/alerts/rules.yaml; `off`: none."""
    alert_seconds: int = Field(60, ge=10)
    """Shortest time between two looks at the rules."""
    alert_webhook: SecretStr = SecretStr("")
    """Address to which each notice is posted as JSON; empty: none. A secret, since with many services the address is the password."""
    alert_webhook_header: SecretStr = SecretStr("")
    """A header sent with each notice to `alert_webhook`, such as `Authorization: Bearer …`."""
    alert_email_to: str = ""
    """Addresses to which notices are mailed, separated by commas; empty: no e-mail."""
    alert_email_from: str = "docpipe@localhost"
    """Address from which notices are mailed."""
    smtp_host: str = "localhost"
    """Host of the mail server."""
    smtp_port: int = Field(587, ge=1, le=65_535)
    """Port of the mail server."""
    smtp_tls: Literal["starttls", "tls", "off"] = "starttls"
    """How the mail server is spoken to: starttls (mostly port 587), tls from the first byte (mostly 465), or off."""
    smtp_ca: str = ""
    """File with the certificate authority of the mail server; empty: the system's."""
    smtp_user: str = ""
    """User name at the mail server; empty: no login."""
    smtp_password: SecretStr = SecretStr("")
    """Password of `smtp_user`."""

    # Automation
    stale: Literal["off", "plan", "on"] = "plan"
    """What the staleness sensor does about documents whose settings, code or models have changed: nothing, tell, or queue them."""
    stale_documents: int = Field(200, ge=1)
    """With `stale` on, documents that its sensor may have waiting at a time, so that new uploads never stand behind a whole reprocess."""
    stale_page: int = Field(5_000, ge=1)
    """Documents that the staleness sensor looks at in one tick."""
    check_cron: str = "0 2 * * *"
    """When bucket, ledger, artifacts and index are compared, in UTC; `off`: only when somebody asks."""
    clean_cron: str = "0 3 * * *"
    """When what nobody needs any more is deleted, in UTC; `off`: only when somebody asks."""
    rollup_cron: str = "10 0 * * *"
    """When the day that ended is drawn."""
    fresh_hours: int = Field(168, ge=0)
    """Time without a single document after which Dagster shows the assets as not fresh; 0: never."""

    # Retention
    artifact_days: int = Field(7, ge=0)
    """Days for which artifacts are kept that no document needs any more, so that a setting can be taken back without new work."""
    run_days: int = Field(30, ge=1)
    """Days for which runs and their logs are kept, longer where an asset's partition has its last materialization from one."""
    error_days: int = Field(90, ge=1)
    """Days for which tracebacks and last artifacts of documents are kept that have left the quarantine."""
    metric_days: int = Field(400, ge=1)
    """Days for which the daily metrics are kept."""

    @field_validator("alert_webhook")
    @classmethod
    def _webhook_is_reached_by_http(cls, url: SecretStr) -> SecretStr:
        _ensure_http(url.get_secret_value(), "webhook", "not an http:// or https:// address")
        return url

    @field_validator("alert_webhook_header")
    @classmethod
    def _header_is_one_line(cls, header: SecretStr) -> SecretStr:
        text = header.get_secret_value()
        if text and not re.fullmatch(r"[A-Za-z0-9-]+:[\x20-\x7e]+", text):
            raise PydanticCustomError("webhook", "not a header: write `Name: value`")
        return header

    @field_validator("alert_email_to", "alert_email_from")
    @classmethod
    def _addresses_have_no_line_breaks(cls, addresses: str) -> str:
        if not all(re.fullmatch(r"[^@\s<>,;:]+@[^@\s<>,;:]+", one.strip()) for one in addresses.split(",") if one.strip()):
            raise PydanticCustomError("address", "not an e-mail address, or several separated by commas")
        return addresses

    @field_validator("cloudwatch")
    @classmethod
    def _namespace_is_allowed(cls, namespace: str) -> str:
        if namespace and not re.fullmatch(r"(?!AWS/|:)[0-9A-Za-z._/#:-]{1,255}", namespace):
            advice = "no namespace of CloudWatch: write letters, digits and ._/#:- and neither AWS/ nor a colon first"
            raise PydanticCustomError("namespace", advice)
        return namespace

    @field_validator("check_cron", "clean_cron", "rollup_cron")
    @classmethod
    def _crons_have_five_fields(cls, cron: str) -> str:
        if cron != "off" and not re.fullmatch(r"(?:[0-9*/,-]+ ){2}[0-9*/,L-]+ [0-9A-Za-z*/,-]+ [0-9A-Za-z*/,-]+", cron):
            raise PydanticCustomError("cron", "no cron expression of five fields: write one such as `0 2 * * *`, or off")
        return cron

    # Scheduling
    batch_smallest: int = Field(20, ge=1)
    """Documents that a batch has at least, where so many wait: the start of a run costs about as much as 20 small ones."""
    patience_seconds: float = Field(600.0, ge=0)
    """Once a document has waited this long batches are full, and no longer shared out between the runs that could begin."""
    open_batches: int = Field(10, ge=1, le=1_000)
    """Batches requested or under way at a time; the rest waits in the ledger, where priorities can still change."""
    urgent_batches: int = Field(4, ge=1, le=1_000)
    """Batches requested or under way at a time for documents with a priority above 0, beside the others."""
    priority_prefixes: str = ""
    """Priorities by place in the bucket, such as `urgent/=10,archive/=-10`; from -100 to 100, of which each step is worth ten minutes."""
    upload_documents: int = Field(10, ge=0)
    """So few objects that one look at the bucket finds new are taken for an upload that somebody waits for; 0: none are."""
    upload_priority: int = Field(10, ge=0, le=100)
    """Priority that a small upload (see `upload_documents`) gets where no rule gives it another."""
    stage_seconds: float = Field(21_600.0, gt=0, validation_alias=_also("STAGE_SECONDS", "DEFAULT_TASK_TIMEOUT"))
    """Longest that a stage may work on a batch; what it has not done by then waits for a smaller batch."""
    stage_seconds_of: str = ""
    """Other limits for single stages, such as `parsed_pages=7200,embeddings=600`."""
    run_seconds: float = Field(43_200.0, gt=0, le=30 * _DAY)
    """Longest that a run may take; then it stops, and what it has not done waits for a smaller batch."""

    @field_validator("priority_prefixes", "stage_seconds_of")
    @classmethod
    def _rules_can_be_read(cls, text: str, info: ValidationInfo) -> str:
        from docpipe.priority import priority_rules
        from docpipe.time_limits import stage_limits

        try:
            priority_rules(text) if info.field_name == "priority_prefixes" else stage_limits(text)
        except ValueError as error:
            raise PydanticCustomError("rules", "{reason}", {"reason": str(error)}) from None
        return text

    @field_validator("pools", "lane_resources", "lane_images", "lane_accounts")
    @classmethod
    def _lanes_can_be_read(cls, text: str, info: ValidationInfo) -> str:
        from docpipe.lane import lane_accounts, lane_images, lane_resources, pool_limits

        reader: Callable[[str], object] = {
            "pools": pool_limits,
            "lane_resources": lane_resources,
            "lane_images": lane_images,
            "lane_accounts": lane_accounts,
        }[str(info.field_name)]
        try:
            reader(text)
        except ValueError as error:
            raise PydanticCustomError("lanes", "{reason}", {"reason": str(error)}) from None
        return text

    @field_validator("redis", "celery_broker", "celery_results")
    @classmethod
    def _queues_are_in_redis(cls, url: SecretStr) -> SecretStr:
        if url.get_secret_value() and not url.get_secret_value().startswith(("redis://", "rediss://")):
            raise PydanticCustomError("redis", "not a redis:// or rediss:// URL: the lanes' queues are kept in Redis")
        return url

    @field_validator("log_level", mode="before")
    @classmethod
    def _level_in_any_case(cls, level: object) -> object:
        if not isinstance(level, str):
            return level
        word = level.strip().lower()
        return {"warn": "warning", "critical": "error", "fatal": "error"}.get(word, word)

    @field_validator("traces")
    @classmethod
    def _traces_go_by_http(cls, url: str) -> str:
        _ensure_http(url, "traces", "not an http:// or https:// URL: give the receiver's base URL, mostly with port 4318")
        return url

    # Cost
    prices: str = ""
    """A YAML file like `docpipe/cost/prices.yaml`, whose lines go before those."""
    budgets: str = ""
    """US dollars that a provider may be paid a day (UTC), as in `openai=5.00,azure=2`; without one, as much as it takes."""
    embed_provider: str = ""
    """Whose prices and budget the embedding model has; empty: openai or azure by the host of `embed_url`, else the host itself."""
    vision_provider: str = ""
    """Whose prices and budget the vision model has; empty: by the host of `vision_url`, in the same way."""
    rest_seconds: float = Field(60.0, ge=0, le=3_600)
    """How long a document rests whose trouble outlasted a run; five times as long after the second run, then fifteen, then sixty.

    At most a day; 0: not at all.
    """

    @field_validator("budgets")
    @classmethod
    def _budgets_are_amounts(cls, budgets: str) -> str:
        from docpipe.cost.daily_limits import parse_budgets

        try:
            parse_budgets(budgets)
        except ValueError as error:
            raise PydanticCustomError("budgets", "{reason}", {"reason": str(error)}) from None
        return budgets

    @cached_property
    def budget_limits(self) -> Mapping[str, float]:
        from docpipe.cost.daily_limits import parse_budgets

        return parse_budgets(self.budgets)

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().resolve()

    @field_validator("vision_url")
    @classmethod
    def _vision_is_reached_by_http(cls, url: str) -> str:
        _ensure_http(url, "vision", "not an http:// or https:// URL: give the server's base URL, which mostly ends in /v1")
        return url

    @field_validator("vision_model")
    @classmethod
    def _vision_is_whole(cls, model: str, info: ValidationInfo) -> str:
        url = info.data.get("vision_url", "")
        if bool(url) != bool(model):
            raise PydanticCustomError("vision", "DOCPIPE_VISION_URL and DOCPIPE_VISION_MODEL belong together: set both or neither")
        return model

    @field_validator("chunk_overlap")
    @classmethod
    def _overlap_fits(cls, overlap: int, info: ValidationInfo) -> int:
        # Where the tokens are wrong themselves, they are not here, and their own error says so.
        tokens = info.data.get("chunk_tokens")
        if tokens is not None and overlap * 2 > tokens:
            message = "{overlap} tokens are more than half of DOCPIPE_CHUNK_TOKENS ({tokens}): lower the one or raise the other"
            raise PydanticCustomError("overlap", message, {"overlap": overlap, "tokens": tokens})
        return overlap

    @cached_property
    def bucket_url(self) -> str:
        if self.bucket:
            return self.bucket
        return f"s3://{self.s3_bucket}" if self.s3_bucket else (self.home / "bucket").as_uri()

    @cached_property
    def artifacts_url(self) -> str:
        return self.artifacts or (self.home / "artifacts").as_uri()

    @cached_property
    def models_folder(self) -> Path:
        return Path(self.models).expanduser().resolve() if self.models else self.home / "models"

    @cached_property
    def ledger_url(self) -> str:
        return self.ledger.get_secret_value() or f"sqlite:///{self.home / 'ledger.sqlite'}"

    @cached_property
    def broker_url(self) -> str:
        return self.celery_broker.get_secret_value() or f"{self._redis_url}/1"

    @cached_property
    def results_url(self) -> str:
        return self.celery_results.get_secret_value() or f"{self._redis_url}/2"

    @cached_property
    def _redis_url(self) -> str:
        if whole := self.redis.get_secret_value():
            return whole.rstrip("/")
        password = quote(self.redis_password.get_secret_value(), safe="")
        return f"redis://{f':{password}@' if password else ''}{self.redis_host}:{self.redis_port}"

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        return tuple(label.strip() for label in self.labels.split(",") if label.strip())

    @field_validator("ocr_languages")
    @classmethod
    def _languages_are_known(cls, languages: str) -> str:
        from docpipe.parse.ocr.ocr_languages import codes

        try:
            codes(languages)
        except ValueError as error:
            raise PydanticCustomError("language", "{reason}", {"reason": str(error)}) from None
        return languages

    @cached_property
    def alert_email_addresses(self) -> tuple[str, ...]:
        return tuple(address.strip() for address in self.alert_email_to.split(",") if address.strip())

    @cached_property
    def password_list(self) -> tuple[str, ...]:
        return tuple(word for word in self.passwords.get_secret_value().split(",") if word)


def _ensure_http(url: str, kind: LiteralString, message: LiteralString) -> None:
    """Nothing is fine as well: then there is no such server."""
    if url and not url.startswith(("http://", "https://")):
        raise PydanticCustomError(kind, message)


def load_settings(**overrides: object) -> Settings:
    """Read the environment; a wrong value is a `ConfigurationError` that names the variable, never its value."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [f"DOCPIPE_{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors(include_input=False)]
        raise ConfigurationError("; ".join(lines)) from None
