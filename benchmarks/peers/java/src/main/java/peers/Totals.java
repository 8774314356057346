package peers;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** The four numbers of a queue and a window. Public and mutable: so Flink takes it for a POJO. */
public final class Totals {
    static final int BYTES = 4 * Long.BYTES;

    public long offered;
    public long answered;
    public long abandoned;
    public long waitMs;

    Totals add(Call call) {
        switch (call.type) {
            case "queue.entered" -> offered++;
            case "agent.connected" -> {
                answered++;
                waitMs += call.waitMs;
            }
            case "queue.abandoned" -> abandoned++;
            default -> { }
        }
        return this;
    }

    Totals add(Totals other) {
        offered += other.offered;
        answered += other.answered;
        abandoned += other.abandoned;
        waitMs += other.waitMs;
        return this;
    }

    Totals subtract(Totals other) {
        offered -= other.offered;
        answered -= other.answered;
        abandoned -= other.abandoned;
        waitMs -= other.waitMs;
        return this;
    }

    boolean isZero() {
        return (offered | answered | abandoned | waitMs) == 0;
    }

    void write(ByteBuffer to) {
        to.putLong(offered).putLong(answered).putLong(abandoned).putLong(waitMs);
    }

    static Totals read(ByteBuffer from) {
        Totals totals = new Totals();
        totals.offered = from.getLong();
        totals.answered = from.getLong();
        totals.abandoned = from.getLong();
        totals.waitMs = from.getLong();
        return totals;
    }

    /** The result as every peer writes it. Names of queues here need no escaping. */
    byte[] json(String queue, long endMs) {
        return ("{\"queue\":\"" + queue + "\",\"end\":" + endMs + ",\"offered\":" + offered + ",\"answered\":" + answered
                        + ",\"abandoned\":" + abandoned + ",\"wait_ms\":" + waitMs + "}")
                .getBytes(StandardCharsets.UTF_8);
    }
}
