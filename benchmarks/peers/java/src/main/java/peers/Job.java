package peers;

/** What a peer is started with: SHAPE BROKERS SOURCE SINK DIRECTORY EVENTS. */
record Job(String shape, String brokers, String source, String sink, String directory, long events) {
    static final long STEP_MS = 10_000;
    static final long ROLLING_MS = 300_000;

    static Job of(String[] arguments) {
        return new Job(
                arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], Long.parseLong(arguments[5]));
    }
}
