package peers;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;

/** What the windows need of an event of a call. */
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Call {
    private static final ObjectReader READER = new ObjectMapper().readerFor(Call.class);
    private static final AtomicBoolean SEEN = new AtomicBoolean();

    public String type;
    public long time;
    public String queue;

    @JsonProperty("wait_ms")
    public long waitMs;

    /** The event in a record. Says on standard output that the first has come: from there on CPU time counts. */
    static Call read(byte[] value) {
        if (!SEEN.getPlain() && SEEN.compareAndSet(false, true)) {
            System.out.println("first");
            System.out.flush();
        }
        try {
            return READER.readValue(value);
        } catch (IOException broken) {
            throw new IllegalStateException(broken);
        }
    }

    /** Whether any of the four numbers changes with it. */
    boolean counts() {
        return queue != null
                && (type.equals("queue.entered") || type.equals("agent.connected") || type.equals("queue.abandoned"));
    }
}
