package peers;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/**
 * Kafka Streams, one thread: `tumbling` and `rolling` with the DSL, `panes` with the Processor API.
 *
 * <p>Its defaults where they cost nothing (at least once), and what people tune: windows in memory, a cache that lets
 * one update a commit through, a commit a second.
 */
public final class KafkaStreamsPeer {
    private static final Serde<Totals> TOTALS = Serdes.serdeFrom(new ToBytes(), new FromBytes());

    public static void main(String[] arguments) {
        Job job = Job.of(arguments);
        StreamsBuilder builder = new StreamsBuilder();
        KStream<String, Call> calls = builder.stream(
                        job.source(),
                        Consumed.with(Serdes.String(), Serdes.serdeFrom((topic, call) -> null, (topic, value) -> Call.read(value)))
                                .withTimestampExtractor((record, partitionTime) -> ((Call) record.value()).time))
                .filter((queue, call) -> call.counts());
        KStream<String, byte[]> results =
                switch (job.shape()) {
                    case "tumbling" -> windowed(calls, TimeWindows.ofSizeWithNoGrace(Duration.ofMillis(Job.STEP_MS)));
                    case "rolling" -> windowed(
                            calls,
                            TimeWindows.ofSizeWithNoGrace(Duration.ofMillis(Job.ROLLING_MS))
                                    .advanceBy(Duration.ofMillis(Job.STEP_MS)));
                    case "panes" -> Panes.attach(builder, calls);
                    default -> throw new IllegalArgumentException(job.shape());
                };
        results.to(job.sink(), Produced.with(Serdes.String(), Serdes.ByteArray()));
        new KafkaStreams(builder.build(), settings(job)).start();
    }

    private static KStream<String, byte[]> windowed(KStream<String, Call> calls, TimeWindows windows) {
        Duration retention = Duration.ofMillis(windows.size() + Job.ROLLING_MS);
        return calls.groupByKey(Grouped.with(Serdes.String(), null))
                .windowedBy(windows)
                .aggregate(
                        Totals::new,
                        (queue, call, totals) -> totals.add(call),
                        Materialized.<String, Totals>as(Stores.inMemoryWindowStore(
                                        "windows", retention, Duration.ofMillis(windows.size()), false))
                                .withKeySerde(Serdes.String())
                                .withValueSerde(TOTALS)
                                .withCachingEnabled())
                .toStream()
                .map((key, totals) -> KeyValue.pair(key.key(), totals.json(key.key(), key.window().end())));
    }

    private static Properties settings(Job job) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, job.sink());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, job.brokers());
        settings.put(StreamsConfig.STATE_DIR_CONFIG, job.directory());
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1_000);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5_000);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 100);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10);
        return settings;
    }

    static final class ToBytes implements Serializer<Totals> {
        @Override
        public byte[] serialize(String topic, Totals totals) {
            if (totals == null) {
                return null;
            }
            ByteBuffer bytes = ByteBuffer.allocate(Totals.BYTES);
            totals.write(bytes);
            return bytes.array();
        }
    }

    static final class FromBytes implements Deserializer<Totals> {
        @Override
        public Totals deserialize(String topic, byte[] bytes) {
            return bytes == null ? null : Totals.read(ByteBuffer.wrap(bytes));
        }
    }
}
