//! What people write, and what they are told.

use super::*;

#[test]
fn what_people_write() {
    use Metric::{Errors, Latency, Received, Requests, Sent, Service, Status};
    use Statistic::{Max, Mean, Min, Quantile};
    use Unit::{Bytes, BytesPerSecond, Count, PerSecond, Seconds, Share};
    for (text, metric, operator, value, unit) in [
        (
            "p(95) < 300ms",
            Latency(Quantile(0.95)),
            Operator::Less,
            0.3,
            Seconds,
        ),
        (
            "p99.9<=1.5s",
            Latency(Quantile(0.999)),
            Operator::AtMost,
            1.5,
            Seconds,
        ),
        (
            "latency P( 50 ) < 900us",
            Latency(Quantile(0.5)),
            Operator::Less,
            9e-4,
            Seconds,
        ),
        (
            "service.med < 2 s",
            Service(Quantile(0.5)),
            Operator::Less,
            2.0,
            Seconds,
        ),
        (
            "service avg ≤ 5µs",
            Service(Mean),
            Operator::AtMost,
            5e-6,
            Seconds,
        ),
        ("min >= 1ms", Latency(Min), Operator::AtLeast, 1e-3, Seconds),
        ("max < 2m", Latency(Max), Operator::Less, 120.0, Seconds),
        ("errors < 1%", Errors, Operator::Less, 0.01, Share),
        ("errors == 0", Errors, Operator::Equal, 0.0, Count),
        ("rate > 450", Requests, Operator::More, 450.0, PerSecond),
        ("rate > 450.5/s", Requests, Operator::More, 450.5, PerSecond),
        (
            "requests >= 1000",
            Requests,
            Operator::AtLeast,
            1000.0,
            Count,
        ),
        (
            "2xx > 99.9 %",
            Status(200, 299),
            Operator::More,
            0.999,
            Share,
        ),
        (
            "status(503) < 10",
            Status(503, 503),
            Operator::Less,
            10.0,
            Count,
        ),
        (
            "received > 10MiB",
            Received,
            Operator::More,
            10_485_760.0,
            Bytes,
        ),
        (
            "sent < 2 kb/s",
            Sent,
            Operator::Less,
            2000.0,
            BytesPerSecond,
        ),
    ] {
        let threshold = Threshold::parse(text).expect(text);
        assert_eq!(
            (threshold.metric, threshold.operator),
            (metric, operator),
            "{text}"
        );
        assert!((threshold.value - value).abs() <= value * 1e-12, "{text}");
        assert_eq!(
            (threshold.unit, &*threshold.text),
            (unit, text.trim()),
            "{text}"
        );
    }
}

#[test]
fn mistakes_are_told_what_to_write() {
    for (text, told) in [
        ("", "write for example `p(95) < 300ms`"),
        ("fast", "`fast` compares nothing"),
        ("< 300ms", "without a metric"),
        ("p(95) <", "nothing on the right"),
        ("p(95) < 300", "`300` in `p(95) < 300` has no unit"),
        (
            "p(95) < 1%",
            "`%` in `p(95) < 1%` is no unit of this metric",
        ),
        ("p(95) = 3s", "write `==`"),
        ("p(95) == 3s", "never exactly equal"),
        ("p(95) => 3s", "write `>=`"),
        ("p(95) != 3s", "there are `<`"),
        ("p(100) < 3s", "write `max`"),
        ("p(0) < 3s", "write `min`"),
        ("p999 < 3s", "p(99.9)"),
        ("p(x) < 3s", "a percentile is a number"),
        ("p(9e1) < 3s", "write for example `p(95)`"),
        ("p95) < 3s", "a percentile is a number"),
        ("latency < 3s", "say which, for example `latency p(95)`"),
        ("latncy p(95) < 3s", "did you mean `latency`?"),
        ("eror < 1%", "did you mean `errors`?"),
        ("http_req_duration{a:b} < 3s", "is nothing that is measured"),
        ("rps > 3", "did you mean `rate`?"),
        ("zebra > 3", "there are p(N)"),
        ("errors < 0.01", "for a share write percent"),
        ("errors < 200%", "at most 100%"),
        ("errors < 1% and p(95) < 3s", "more than one condition"),
        ("errors < 1% and more", "more than one condition"),
        ("errors < -1", "is no number"),
        ("errors < 1,000", "more than one condition"),
        ("status(99) < 1%", "from 100 to 599"),
        ("rate > 5kB", "is no unit of this metric"),
        ("requests > 5/s", "write a number alone"),
        ("p(95) < 1..2s", "is no number"),
    ] {
        let error = Threshold::parse(text).expect_err(text).to_string();
        assert!(error.contains(told), "{text:?}: {error}");
    }
    let long = "p".repeat(100_000);
    assert!(Threshold::parse(&long).is_err_and(|e| e.to_string().len() < 300));
}
