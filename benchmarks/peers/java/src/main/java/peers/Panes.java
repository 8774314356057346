package peers;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Rolling totals by hand: a running sum per queue, to which a pane of 10 s is added when it closes and from which it is
 * subtracted five minutes later. A queue's windows close with its own events.
 */
final class Panes implements Processor<String, Call, String, byte[]> {
    private static final int PANES = (int) (Job.ROLLING_MS / Job.STEP_MS);
    private static final String OPEN = "open";
    private static final String CLOSED = "closed";

    private ProcessorContext<String, byte[]> context;
    private KeyValueStore<String, Rolling> open;
    private KeyValueStore<String, Totals> closed;

    static KStream<String, byte[]> attach(StreamsBuilder builder, KStream<String, Call> calls) {
        Serde<Rolling> rolling = Serdes.serdeFrom(new RollingToBytes(), new RollingFromBytes());
        Serde<Totals> totals =
                Serdes.serdeFrom(new KafkaStreamsPeer.ToBytes(), new KafkaStreamsPeer.FromBytes());
        builder.addStateStore(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(OPEN), Serdes.String(), rolling)
                .withCachingEnabled());
        builder.addStateStore(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(CLOSED), Serdes.String(), totals)
                .withCachingEnabled());
        return calls.process(Panes::new, OPEN, CLOSED);
    }

    @Override
    public void init(ProcessorContext<String, byte[]> given) {
        context = given;
        open = given.getStateStore(OPEN);
        closed = given.getStateStore(CLOSED);
    }

    @Override
    public void process(Record<String, Call> record) {
        Call call = record.value();
        String queue = record.key();
        Rolling rolling = open.get(queue);
        long pane = call.time / Job.STEP_MS;
        if (rolling == null) {
            rolling = new Rolling(pane);
        }
        while (rolling.pane < pane) {
            close(record, queue, rolling);
            if (rolling.sum.isZero()) {
                rolling.pane = pane;
            }
        }
        rolling.current.add(call);
        open.put(queue, rolling);
    }

    private void close(Record<String, Call> record, String queue, Rolling rolling) {
        rolling.sum.add(rolling.current);
        closed.put(queue + ' ' + rolling.pane, rolling.current);
        rolling.current = new Totals();
        rolling.pane++;
        context.forward(record.withValue(rolling.sum.json(queue, rolling.pane * Job.STEP_MS)));
        Totals leaving = closed.delete(queue + ' ' + (rolling.pane - PANES));
        if (leaving != null) {
            rolling.sum.subtract(leaving);
        }
    }

    /** The open pane of a queue, and the sum of those closed in the last five minutes. */
    static final class Rolling {
        long pane;
        Totals current = new Totals();
        Totals sum = new Totals();

        Rolling(long pane) {
            this.pane = pane;
        }
    }

    static final class RollingToBytes implements Serializer<Rolling> {
        @Override
        public byte[] serialize(String topic, Rolling rolling) {
            if (rolling == null) {
                return null;
            }
            ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES + 2 * Totals.BYTES).putLong(rolling.pane);
            rolling.current.write(bytes);
            rolling.sum.write(bytes);
            return bytes.array();
        }
    }

    static final class RollingFromBytes implements Deserializer<Rolling> {
        @Override
        public Rolling deserialize(String topic, byte[] value) {
            if (value == null) {
                return null;
            }
            ByteBuffer bytes = ByteBuffer.wrap(value);
            Rolling rolling = new Rolling(bytes.getLong());
            rolling.current = Totals.read(bytes);
            rolling.sum = Totals.read(bytes);
            return rolling;
        }
    }
}
