-- The interval table of a contact centre from its raw events, by the definitions of the KPI catalogue alone.
--
-- In: raw_events (as JSON Lines had them, repetitions among them) and thresholds (queue, target_ms, short_ms).
-- Out: one row per channel, queue (`*`: the whole channel) and 15-minute interval in which anything is counted.
-- Sums are whole milliseconds. An agent's work on a contact belongs to the queue that he answered it in.

WITH events AS (
    -- A repetition of an event id changes nothing. Events of one instant go in the order in which they were written.
    SELECT DISTINCT ON (id) *, CAST(split_part(id, '#', 2) AS INTEGER) AS place
    FROM raw_events
    WHERE contact IS NOT NULL
),

-- A contact's events belong to the visit that began last: visits are numbered by the queues entered.
numbered AS (
    SELECT *, count(*) FILTER (type = 'queue.entered') OVER so_far AS visit
    FROM events
    WINDOW so_far AS (PARTITION BY channel, contact ORDER BY time, place)
),

entered AS (
    -- A callback is offered when it is due, and waits from then on.
    SELECT channel, contact, visit, queue, CASE WHEN callback THEN greatest(time, due) ELSE time END AS entered_at
    FROM numbered
    WHERE type = 'queue.entered'
),

ways_out AS (
    SELECT channel, contact, visit, time, place, agent, wait_ms,
        CASE
            WHEN type = 'agent.connected' THEN 'answered'
            WHEN type = 'queue.abandoned' OR (type = 'contact.ended' AND "by" = 'customer') THEN 'abandoned'
            ELSE 'flowed_out'
        END AS outcome
    FROM numbered
    WHERE type IN ('agent.connected', 'queue.abandoned', 'queue.left', 'contact.ended') AND visit > 0
),

-- The first way out of the waiting is the visit's outcome.
outcomes AS (
    SELECT entered.*, outcome, agent, place, time AS out_at, coalesce(wait_ms, time - entered_at) AS waited_ms
    FROM entered
    JOIN ways_out USING (channel, contact, visit)
    QUALIFY row_number() OVER (PARTITION BY channel, contact, visit ORDER BY time, place) = 1
),

judged AS (
    SELECT outcomes.*, waited_ms <= target_ms AS in_target, waited_ms <= short_ms AS short
    FROM outcomes
    JOIN thresholds USING (queue)
),

holds AS (
    SELECT channel, contact, visit, sum(ends_at - time) AS held_ms
    FROM (
        SELECT *, lead(time) OVER (PARTITION BY channel, contact, visit ORDER BY time, place) AS ends_at
        FROM numbered
        WHERE type IN ('contact.held', 'contact.resumed', 'contact.transferred', 'contact.ended')
    )
    WHERE type = 'contact.held'
    GROUP BY ALL
),

-- A conversation lasts from the answer to the transfer or the end; lengths that the source states count.
conversations AS (
    SELECT judged.channel, queue, ends.time AS ended_at,
        coalesce(ends.hold_ms, held_ms, 0) AS hold_ms,
        coalesce(ends.talk_ms, ends.time - out_at - coalesce(ends.hold_ms, held_ms, 0)) AS talk_ms
    FROM judged
    JOIN (
        SELECT channel, contact, visit, time, talk_ms, hold_ms
        FROM numbered
        WHERE type IN ('contact.transferred', 'contact.ended')
        QUALIFY row_number() OVER (PARTITION BY channel, contact, visit ORDER BY time, place) = 1
    ) AS ends USING (channel, contact, visit)
    LEFT JOIN holds USING (channel, contact, visit)
    WHERE outcome = 'answered'
),

wrapups AS (
    SELECT wrapped.channel, answers.queue, wrapped.time AS wrapped_at,
        coalesce(wrapped.acw_ms, wrapped.time - begun.time) AS acw_ms
    FROM (SELECT * FROM numbered WHERE type = 'wrapup.ended') AS wrapped
    ASOF JOIN (SELECT * FROM judged WHERE outcome = 'answered') AS answers
        ON answers.channel = wrapped.channel AND answers.contact = wrapped.contact
        AND answers.agent = wrapped.agent AND answers.out_at <= wrapped.time
    ASOF LEFT JOIN (SELECT * FROM numbered WHERE type = 'wrapup.started') AS begun
        ON begun.channel = wrapped.channel AND begun.contact = wrapped.contact
        AND begun.agent = wrapped.agent AND begun.time <= wrapped.time
),

-- What is counted, and when: arrivals at the arrival, outcomes at the outcome, work at its end.
counted AS (
    SELECT channel, queue, entered_at AS booked_at, 'offered' AS what, 1 AS amount FROM entered
    UNION ALL SELECT channel, queue, out_at, outcome, 1 FROM judged
    UNION ALL SELECT channel, queue, out_at, 'answered_in_target', 1 FROM judged WHERE outcome = 'answered' AND in_target
    UNION ALL SELECT channel, queue, out_at, 'short_abandoned', 1 FROM judged WHERE outcome = 'abandoned' AND short
    UNION ALL SELECT channel, queue, out_at, outcome || '_wait_ms', waited_ms FROM judged
    UNION ALL SELECT channel, queue, ended_at, 'handled', 1 FROM conversations
    UNION ALL SELECT channel, queue, ended_at, 'talk_ms', talk_ms FROM conversations
    UNION ALL SELECT channel, queue, ended_at, 'hold_ms', hold_ms FROM conversations
    UNION ALL SELECT channel, queue, wrapped_at, 'acw_ms', acw_ms FROM wrapups
),

-- Every row once for its queue, and once for its channel.
per_view AS (
    SELECT channel, unnest([queue, '*']) AS queue, booked_at // 900000 AS slot, what, amount FROM counted
)

SELECT
    channel, queue, slot,
    sum(amount) FILTER (what = 'offered') AS offered,
    sum(amount) FILTER (what = 'answered') AS answered,
    sum(amount) FILTER (what = 'abandoned') AS abandoned,
    sum(amount) FILTER (what = 'short_abandoned') AS short_abandoned,
    sum(amount) FILTER (what = 'flowed_out') AS flowed_out,
    sum(amount) FILTER (what = 'answered_in_target') AS answered_in_target,
    sum(amount) FILTER (what = 'answered_wait_ms') AS answered_wait_ms,
    sum(amount) FILTER (what = 'abandoned_wait_ms') AS abandoned_wait_ms,
    sum(amount) FILTER (what = 'handled') AS handled,
    sum(amount) FILTER (what = 'talk_ms') AS talk_ms,
    sum(amount) FILTER (what = 'hold_ms') AS hold_ms,
    sum(amount) FILTER (what = 'acw_ms') AS acw_ms
FROM per_view
GROUP BY ALL
ORDER BY ALL
