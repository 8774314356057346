"""Records as aiokafka's decoder in C makes them: a `ConsumerRecord` around each takes three times as long."""

from collections.abc import Iterator

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import FetchError, FetchResult, PartitionRecords

from streams.books import Record


def unwrap(consumer: AIOKafkaConsumer) -> None:
    """Have a started consumer, to which nothing is assigned yet, hand out records as they are unpacked."""
    consumer._fetcher._records = _Fetched()  # noqa: SLF001


class _Unwrapped(PartitionRecords):  # type: ignore[misc]
    """The records of one partition that a response has brought."""

    def __iter__(self) -> Iterator[Record]:
        unpacked: Iterator[Record] = self._records_iterator
        return unpacked

    def _consumer_record(self, tp: TopicPartition, record: Record) -> Record:
        del tp
        return record


class _Fetched(dict[TopicPartition, FetchResult | FetchError]):
    """aiokafka's fetched data that nobody has taken yet; nothing of it is unpacked before."""

    def __setitem__(self, tp: TopicPartition, result: FetchResult | FetchError) -> None:
        if isinstance(result, FetchResult):
            result._partition_records.__class__ = _Unwrapped  # noqa: SLF001
        super().__setitem__(tp, result)
