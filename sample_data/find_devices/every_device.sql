-- Each event once for every device of its user.
SELECT
    e.event,
    e.properties ->> '$.distinct_id' AS user_id,
    e.properties ->> '$.time' AS time,
    e.properties ->> '$.amount' AS amount,
    d.hwid
FROM events e
JOIN devices d ON d.customer = e.properties ->> '$.distinct_id'
ORDER BY time, hwid
