"""Every environment variable, once.

`DOCPIPE_<FIELD>` sets a field; an `.env` file in the working directory is read too. The four names of the
earlier systems, `S3_ENDPOINT`, `S3_ACCESS_KEY`, `S3_SECRET_KEY` and `S3_BUCKET`, are accepted as they are.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from docpipe.errors import ConfigurationError

MEBIBYTE = 1024 * 1024
_DAY = 86_400


def _also(name: str, *others: str) -> AliasChoices:
    return AliasChoices(f"DOCPIPE_{name}", *others)


class Settings(BaseSettings):
    """The whole configuration; frozen, and safe to print: secrets show as asterisks."""

    model_config = SettingsConfigDict(
        env_prefix="DOCPIPE_", env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True, populate_by_name=True
    )

    home: Path = Path(".docpipe")
    """Holds everything the embedded default keeps: bucket, artifacts, index, ledger, Dagster."""

    # Where documents come from and where things are kept
    bucket: str = Field("", validation_alias=_also("BUCKET"))
    """`file:///path` or `s3://bucket/prefix`; empty: `<home>/bucket`, or `s3://$S3_BUCKET` where that is set."""
    artifacts: str = ""
    """Like `bucket`; empty: `<home>/artifacts`."""
    ledger: SecretStr = SecretStr("")
    """SQLAlchemy URL; empty: SQLite at `<home>/ledger.sqlite`."""
    s3_bucket: str = Field("", validation_alias=_also("S3_BUCKET", "S3_BUCKET"))
    s3_endpoint: str = Field("", validation_alias=_also("S3_ENDPOINT", "S3_ENDPOINT"))
    s3_region: str = Field("us-east-1", validation_alias=_also("S3_REGION", "AWS_REGION"))
    s3_access_key: SecretStr = Field(SecretStr(""), validation_alias=_also("S3_ACCESS_KEY", "S3_ACCESS_KEY"))
    s3_secret_key: SecretStr = Field(SecretStr(""), validation_alias=_also("S3_SECRET_KEY", "S3_SECRET_KEY"))
    """Both empty: boto3's own chain (instance role, profile, environment)."""

    # Admission
    max_document_bytes: int = Field(512 * MEBIBYTE, ge=1)
    passwords: SecretStr = SecretStr("")
    """Passwords to try on encrypted files, separated by commas."""

    # Batches
    batch_documents: int = Field(100, ge=1)
    batch_bytes: int = Field(256 * MEBIBYTE, ge=1)
    batch_pages: int = Field(5_000, ge=1)
    """By the estimate of `docpipe.admit`, since the pages are not known before parsing."""
    sensor_seconds: int = Field(30, ge=1)
    """Shortest time between two looks at the bucket."""
    tick_seconds: float = Field(40.0, ge=1, le=120)
    """Time a sensor tick may spend looking; the next tick goes on from there. Dagster's own limit is 60."""
    tick_documents: int = Field(5_000, ge=1)
    """New documents one tick admits."""
    max_attempts: int = Field(3, ge=1)
    """Tries of one document in a stage (transient errors), and runs that may die on it."""

    # Workers
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    """Parsing processes."""
    task_seconds: float = Field(120.0, gt=0, le=_DAY)
    """Longest a worker may be busy with one task before it is killed: a whole document, or a range of its pages."""
    document_seconds: float = Field(3_600.0, gt=0, le=_DAY)
    """Worker time that parsing one document may take, all its tasks together."""
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
    layout: bool = True
    """Use PyMuPDF's layout model; without it, plain text with headings by font."""
    layout_max_pages: int = Field(2_000, ge=0)
    """Longer documents take the text route: at 8 pages a CPU-second the layout model would take hours."""

    ocr_languages: str = ""
    """ISO 639-1 codes, separated by commas; empty: all that the bundled model reads (Latin letters, Chinese, Japanese).

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
    """Share of such a page under images above which OCR reads it."""
    route_faint_image_share: float = Field(0.02, ge=0, le=1)
    """The same for a page without any text; also the largest picture of a page that counts as prose."""
    route_shapes: int = Field(200, ge=0)
    """Drawn shapes on a page almost without text above which they may be letters, and OCR reads it."""
    route_layout_characters: int = Field(100_000, ge=0)
    """The layout model's cost grows faster than the text: 3 s at 50,000 characters in short lines, 14 s here, 58 s at twice it."""
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
    render_workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    """Processes that render page pictures."""
    page_pictures_mb: int = Field(512, ge=0)
    """Page pictures kept in `<home>/page_pictures`, so that a page is rendered once; 0 keeps none."""
    vision_url: str = ""
    """Base URL of an OpenAI-compatible server, such as https://api.openai.com/v1; empty: pictures get no descriptions."""
    vision_model: str = ""
    """Its model for pictures: describes figures, and transcribes pages that nothing else can read."""
    vision_key: SecretStr = SecretStr("")
    vision_requests: int = Field(4, ge=1, le=256)
    """Requests under way at a time."""
    vision_seconds: float = Field(120.0, gt=0, le=3_600)
    """Longest wait for one answer."""

    # Chunks
    chunk_tokens: int = Field(512, ge=16)
    """Capped by the embedder's window less its special tokens (254 for MiniLM)."""
    chunk_overlap: int = Field(50, ge=0)

    # Enrichment
    labels: str = "report,scientific paper,manual,letter or e-mail,invoice,contract,presentation,table of data,web page,book"
    """Document classes, separated by commas."""
    key_phrases: int = Field(8, ge=0)

    # Embeddings
    embedder: str = "minilm"
    """minilm (from the wheel), a folder with a sentence-transformers model, or `openai:<model>` behind `embed_url`."""
    embed_backend: str = "auto"
    """auto, openvino, torch; of local models only."""
    embed_batch_tokens: int = Field(0, ge=0)
    """Tokens of one batch, padding counted; 0: what `benchmarks/embed_speed.py` found best for the device."""
    embed_dimension: int = Field(0, ge=0)
    """Shortens the vectors of a model that was trained for it (Matryoshka); 0: the model's own."""
    embed_window: int = Field(0, ge=0)
    """Tokens the model may read, special ones included; 0: what its folder says, 8,191 for OpenAI's models."""
    embed_pooling: str = ""
    """mean, cls, max or last; empty: what the model's folder says."""
    embed_query_prompt: str | None = None
    """Put before every query; unset: what the model's folder says."""
    embed_passage_prompt: str | None = None
    """Put before every passage, and counted in the chunks' size; unset: what the model's folder says."""
    embed_tokenizer: str = ""
    """A `tokenizer.json` that counts the tokens of an `openai:` model; empty: MiniLM's, which is near enough for Latin letters."""
    embed_url: str = "https://api.openai.com/v1"
    """Base URL of the OpenAI-compatible server of an `openai:` model."""
    embed_key: SecretStr = Field(SecretStr(""), validation_alias=_also("EMBED_KEY", "OPENAI_API_KEY"))
    embed_requests: int = Field(8, ge=1, le=256)
    """Requests under way at a time."""
    embed_seconds: float = Field(120.0, gt=0, le=3_600)
    """Longest wait for one answer."""
    embed_requests_per_minute: int = Field(0, ge=0)
    """What the provider allows, shared by all workers through the ledger; 0: no limit of ours."""
    embed_tokens_per_minute: int = Field(0, ge=0)
    embed_price: float = Field(0.02, ge=0)
    """US dollars for a million tokens of an `openai:` model; text-embedding-3-small cost 0.02 on 2026-11-01."""
    embed_cache_mb: int = Field(1_024, ge=0)
    """Vectors kept in `<home>/embedding_cache.sqlite`, so that no text is embedded twice; 0 keeps none."""

    # Index
    qdrant_url: str = ""
    """Empty: Qdrant Edge, embedded, at `<home>/index`."""
    qdrant_api_key: SecretStr = SecretStr("")
    collection: str = Field("documents", pattern=r"^[A-Za-z0-9_.]{1,100}$")
    """The alias that is searched; each model has a collection of its own behind it, named after both."""
    index_quantization: Literal["none", "int8", "binary"] = "none"
    """Smaller vectors in memory, compared with the full ones at the end; docs/evaluation.md has what it costs in recall."""
    index_lock_seconds: float = Field(120.0, ge=0, le=_DAY)
    """How long a writer waits for another one to let go of the embedded index; readers never wait."""

    # Search
    search_dense_weight: float = Field(2.0, ge=0)
    """Of meaning in the fusion, as `benchmarks/retrieval.py` found it; `docpipe eval` shows what another weight does."""
    search_sparse_weight: float = Field(1.0, ge=0)
    """Of terms in the fusion."""
    reranker: str = ""
    """A folder with a sentence-transformers cross-encoder, which orders the best passages anew; empty: none."""
    rerank_candidates: int = Field(30, ge=1, le=1_000)
    """Passages handed to it."""

    # Quality
    golden_set: str = ""
    """Folder with `queries.jsonl` and `qrels.tsv` (BEIR); searched after each change of the model, and by the asset check."""
    golden_tolerance: float = Field(0.01, ge=0, le=1)
    """How much nDCG@10 a new collection may lose against the searched one and still take its place."""

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().resolve()

    @field_validator("vision_url")
    @classmethod
    def _vision_is_reached_by_http(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise PydanticCustomError("vision", "not an http:// or https:// URL: give the server's base URL, which mostly ends in /v1")
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
    def ledger_url(self) -> str:
        return self.ledger.get_secret_value() or f"sqlite:///{self.home / 'ledger.sqlite'}"

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
    def password_list(self) -> tuple[str, ...]:
        return tuple(word for word in self.passwords.get_secret_value().split(",") if word)


def load_settings(**overrides: object) -> Settings:
    """Read the environment; a wrong value is a `ConfigurationError` that names the variable, never its value."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [f"DOCPIPE_{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors(include_input=False)]
        raise ConfigurationError("; ".join(lines)) from None
