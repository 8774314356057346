package peers;

import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.WindowAssigner;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/**
 * Flink in one process, parallelism 1: state on the heap, a checkpoint every 5 s (exactly once for the state, at least
 * once for the results), objects reused, operators chained. Windows are shown once, when they close.
 */
public final class FlinkPeer {
    private static final long CHECKPOINT_MS = 5_000;

    public static void main(String[] arguments) throws Exception {
        Job job = Job.of(arguments);
        StreamExecutionEnvironment flow = StreamExecutionEnvironment.createLocalEnvironment(1, settings(job));
        flow.enableCheckpointing(CHECKPOINT_MS);
        KafkaSource<Call> source = KafkaSource.<Call>builder()
                .setBootstrapServers(job.brokers())
                .setTopics(job.source())
                .setGroupId(job.sink())
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setValueOnlyDeserializer(new Decoder())
                .build();
        WatermarkStrategy<Call> watermarks =
                WatermarkStrategy.<Call>forMonotonousTimestamps().withTimestampAssigner((call, at) -> call.time);
        flow.fromSource(source, watermarks, "calls")
                .filter(Call::counts)
                .keyBy(call -> call.queue)
                .window(windows(job))
                .aggregate(new Sum(), new Result())
                .sinkTo(sink(job));
        flow.execute();
    }

    private static WindowAssigner<Object, TimeWindow> windows(Job job) {
        Duration step = Duration.ofMillis(Job.STEP_MS);
        return switch (job.shape()) {
            case "tumbling" -> TumblingEventTimeWindows.of(step);
            case "rolling" -> SlidingEventTimeWindows.of(Duration.ofMillis(Job.ROLLING_MS), step);
            default -> throw new IllegalArgumentException(job.shape());
        };
    }

    private static Configuration settings(Job job) {
        Configuration settings = new Configuration();
        settings.set(PipelineOptions.OBJECT_REUSE, true);
        settings.set(StateBackendOptions.STATE_BACKEND, "hashmap");
        settings.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        settings.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, "file://" + job.directory());
        return settings;
    }

    private static KafkaSink<byte[]> sink(Job job) {
        return KafkaSink.<byte[]>builder()
                .setBootstrapServers(job.brokers())
                .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
                .setRecordSerializer(KafkaRecordSerializationSchema.builder()
                        .setTopic(job.sink())
                        .setValueSerializationSchema(new AsItIs())
                        .build())
                .build();
    }

    /** JSON to events. */
    static final class Decoder extends AbstractDeserializationSchema<Call> {
        @Override
        public Call deserialize(byte[] value) {
            return Call.read(value);
        }

        @Override
        public TypeInformation<Call> getProducedType() {
            return TypeInformation.of(Call.class);
        }
    }

    /** Results are bytes already. */
    static final class AsItIs implements SerializationSchema<byte[]> {
        @Override
        public byte[] serialize(byte[] json) {
            return json;
        }
    }

    /** The four numbers, one event after the other. */
    static final class Sum implements AggregateFunction<Call, Totals, Totals> {
        @Override
        public Totals createAccumulator() {
            return new Totals();
        }

        @Override
        public Totals add(Call call, Totals totals) {
            return totals.add(call);
        }

        @Override
        public Totals getResult(Totals totals) {
            return totals;
        }

        @Override
        public Totals merge(Totals one, Totals other) {
            return one.add(other);
        }
    }

    /** Gives the numbers their queue and window. */
    static final class Result extends ProcessWindowFunction<Totals, byte[], String, TimeWindow> {
        @Override
        public void process(String queue, Context window, Iterable<Totals> totals, Collector<byte[]> results) {
            results.collect(totals.iterator().next().json(queue, window.window().getEnd()));
        }
    }
}
