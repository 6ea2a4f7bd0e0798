"""LlamaIndex: `IngestionPipeline` into its Qdrant store; `SimpleDirectoryReader` and `SentenceSplitter` before it for files.

Variants: empty for its defaults (10 texts a batch), `batch N`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import MetadataMode, TextNode
from llama_index.core.vector_stores.utils import metadata_dict_to_node
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import QdrantClient
from tokenizers import Tokenizer

from benchmarks.peers.local_store import NAME, payloads, point_id
from benchmarks.peers.peer import CHUNKS, Job, Place, Stored, place_of


class LlamaIndex:
    def __init__(self, job: Job) -> None:
        batch = {f"embed_{name}": size for name, size in job.batch.items()}
        self._embedding = HuggingFaceEmbedding(model_name=job.model, device="cpu", **batch)
        self._client = QdrantClient(path=str(job.store))
        self._vectors = QdrantVectorStore(collection_name=NAME, client=self._client)
        self._retrievers: dict[int, Any] = {}
        self._nodes = _nodes(job) if job.kind == CHUNKS else []
        self._job = job
        steps = [] if job.kind == CHUNKS else [_splitter(job)]
        self._pipeline = IngestionPipeline(transformations=[*steps, self._embedding], vector_store=self._vectors)
        self._embedding.get_text_embedding("warm up")

    def store(self) -> None:
        if self._job.kind == CHUNKS:
            self._pipeline.run(nodes=self._nodes)
        else:
            documents = SimpleDirectoryReader(input_files=self._job.pdfs).load_data()
            self._pipeline.run(documents=documents)

    def stored(self) -> Iterator[Stored]:
        for payload in payloads(self._client):
            node = metadata_dict_to_node(payload)
            yield Stored(_place(node.metadata), node.get_content(metadata_mode=MetadataMode.EMBED))

    def find(self, question: str, limit: int) -> list[Place]:
        if limit not in self._retrievers:
            index = VectorStoreIndex.from_vector_store(self._vectors, embed_model=self._embedding)
            self._retrievers[limit] = index.as_retriever(similarity_top_k=limit)
        return [_place(found.node.metadata) for found in self._retrievers[limit].retrieve(question)]


def open_peer(job: Job) -> LlamaIndex:
    return LlamaIndex(job)


def _nodes(job: Job) -> list[TextNode]:
    nodes = []
    for chunk in job.chunks():
        metadata = {"file_name": chunk.file, "page_label": str(chunk.page)}
        # Else the metadata would be embedded with the text, and the texts would not be the same for all.
        hidden = list(metadata)
        nodes.append(TextNode(id_=point_id(chunk), text=chunk.text, metadata=metadata, excluded_embed_metadata_keys=hidden))
    return nodes


def _splitter(job: Job) -> SentenceSplitter:
    """Its sizes are counted by the model's own tokenizer; what it embeds of the metadata counts too."""
    tokenizer = Tokenizer.from_file(f"{job.model}/tokenizer.json")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return SentenceSplitter(
        chunk_size=job.tokens, chunk_overlap=job.overlap, tokenizer=lambda text: tokenizer.encode(text, add_special_tokens=False).ids
    )


def _place(metadata: dict[str, Any]) -> Place:
    label = str(metadata.get("page_label", ""))
    return place_of(metadata, int(label) if label.isdecimal() else 0)
