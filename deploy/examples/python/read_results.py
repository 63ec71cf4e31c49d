#!/usr/bin/env python3
"""Prints each result as a line of JSON: a mask with its volumes, and the weights that the model gave the modalities.

    python read_results.py --bootstrap 127.0.0.1:9092 --group my-qa

A result is two records, a ``Segmentation`` and a ``GatingWeights``, which the worker commits together. They come from
two topics, so one may be read some time before the other; the revision of the study says which belong together.

Needs fastavro and confluent-kafka (requirements.txt).
"""

from __future__ import annotations

import argparse
import hashlib
import io
import itertools
import json
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import Consumer, KafkaError, KafkaException
from fastavro.schema import fingerprint, to_parsing_canonical_form

Record = dict[str, Any]

SCHEMAS = Path(__file__).resolve().parents[3] / "schemas/src/main/resources/io/cloe/schemas/known"
SINGLE_OBJECT = b"\xc3\x01"
REGISTRY = b"\x00"
IDLE_POLLS = 20


class RecordReader:
    """Reads records in both forms in which they travel.

    Parameters
    ----------
    schemas
        Folder with the project's ``.avsc`` files, for records in Avro's single-object encoding: ``C3 01``, the schema's
        fingerprint (8 bytes), the body.
    registry
        Base address of a schema registry that speaks Confluent's REST dialect, for records in the registry's form:
        ``00``, the schema's id (4 bytes, big-endian), the body.
    """

    def __init__(self, schemas: Path, registry: str | None = None) -> None:
        self._by_fingerprint: dict[bytes, Record] = {}
        for file in schemas.glob("*.avsc"):
            schema = fastavro.parse_schema(json.loads(file.read_text()))
            self._by_fingerprint[bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))] = schema
        self._registry = registry
        self._by_id: dict[int, Record] = {}

    def read(self, value: bytes) -> Record:
        """Read a record.

        Raises
        ------
        ValueError
            If the bytes have neither form, or no schema is known that they were written with.
        """
        if value.startswith(SINGLE_OBJECT):
            schema, start = self._by_fingerprint.get(value[2:10]), 10
        elif value.startswith(REGISTRY):
            schema, start = self._from_registry(int.from_bytes(value[1:5], "big")), 5
        else:
            raise ValueError(f"{len(value)} bytes in an unknown form")
        if schema is None:
            raise ValueError("a schema that is not known here: newer schema files or a registry are needed")
        # Fields that newer workers add are simply further keys.
        return fastavro.schemaless_reader(io.BytesIO(value[start:]), schema)

    def _from_registry(self, schema_id: int) -> Record | None:
        if self._registry is None:
            return None
        if schema_id not in self._by_id:
            with urllib.request.urlopen(f"{self._registry}/schemas/ids/{schema_id}", timeout=10) as answer:
                self._by_id[schema_id] = fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
        return self._by_id[schema_id]


def committed(consumer: Consumer, topics: list[str]) -> Iterator[tuple[str, bytes] | None]:
    """Yield topic and value of each committed record, and None when there is none at the moment."""
    consumer.subscribe(topics)
    while True:
        message = consumer.poll(0.5)
        if message is None:
            yield None
        elif message.error():
            raise KafkaException(message.error())
        elif message.value() is not None:  # None: the study was deleted from the topic.
            yield message.topic(), message.value()


def describe(segmentation: Record, gating: Record) -> Record:
    """Return what one would want to know of a result."""
    return {
        "study": segmentation["studyId"],
        "revision": segmentation["revision"],
        "trigger": segmentation["trigger"],
        "used": [scan["modality"] for scan in segmentation["used"]],
        "missing": [absent["modality"] for absent in segmentation["missing"]],
        # A missing modality has no weight; that is not a weight of 0.
        "weights": {modality["modality"]: modality["weight"] for modality in gating["modalities"]},
        "gateActed": gating["gateActed"],
        "volumesMl": dict(sorted(segmentation["volumesMl"].items())),
        "flags": segmentation["flags"],
        "mask": segmentation["mask"]["uri"],
        "maskSha256": segmentation["mask"]["sha256"],
    }


def mask_bytes(result: Record) -> bytes:
    """Return the mask's file (NIfTI-1, gzip), if it lies in a folder that this machine has too.

    Raises
    ------
    ValueError
        If it is not the file that the result speaks of, or in an object store.
    """
    place = urllib.parse.urlparse(result["mask"])
    if place.scheme != "file":
        raise ValueError(f"{place.scheme}: masks in an object store are read with its own client")
    content = Path(urllib.parse.unquote(place.path)).read_bytes()
    if hashlib.sha256(content).hexdigest() != result["maskSha256"]:
        raise ValueError(f"another mask lies at {result['mask']}")
    return content


def results(consumer: Consumer, reader: RecordReader, prefix: str = "") -> Iterator[Record]:
    """Yield results as they come, and commit what was read when nothing is held back."""
    waiting: dict[tuple[str, int], tuple[str, Record]] = {}
    idle = 0
    for record in committed(consumer, [prefix + "segmentations", prefix + "gating-weights"]):
        if record is None:
            idle += 1
            if idle >= IDLE_POLLS:
                waiting.clear()  # The other record was deleted from its topic; had it been there, it would have come.
            # Not between the two records of a result: after a restart both are needed.
            if not waiting and consumer.assignment():
                commit(consumer)
            continue
        idle = 0
        topic, value = record
        mine = reader.read(value)
        revision = mine["studyId"], mine["revision"]
        other = waiting.pop(revision, None)
        if other is None or other[0] == topic:
            waiting[revision] = topic, mine
        elif topic.endswith("segmentations"):
            yield describe(mine, other[1])
        else:
            yield describe(other[1], mine)


def commit(consumer: Consumer) -> None:
    """Commit the positions read so far."""
    try:
        consumer.commit(asynchronous=False)
    except KafkaException as failure:
        if failure.args[0].code() != KafkaError._NO_OFFSET:  # nothing new was read
            raise


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", required=True, metavar="HOST:PORT", help="Kafka brokers")
    parser.add_argument("--group", default="read-results", help="consumer group; it goes on where it stopped")
    parser.add_argument("--prefix", default="", help="prefix of the site's topics")
    parser.add_argument("--registry", metavar="URL", help="schema registry, if the site has one")
    parser.add_argument("--schemas", type=Path, default=SCHEMAS, help="folder with the .avsc files")
    parser.add_argument("--masks", action="store_true", help="read each mask too, check its digest, tell its size")
    parser.add_argument("--count", type=int, help="stop after so many results")
    arguments = parser.parse_args()

    consumer = Consumer(
        {
            "bootstrap.servers": arguments.bootstrap,
            "group.id": arguments.group,
            "auto.offset.reset": "earliest",
            # Without it one sees what a worker wrote and then took back (the default here, not in other clients).
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
        }
    )
    try:
        reader = RecordReader(arguments.schemas, arguments.registry)
        for result in itertools.islice(results(consumer, reader, arguments.prefix), arguments.count):
            if arguments.masks:
                result["maskBytes"] = len(mask_bytes(result))
            print(json.dumps(result), flush=True)
    finally:
        consumer.close()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
