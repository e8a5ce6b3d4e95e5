//! `tenfold plan --prometheus` against a server that answers as Prometheus does.

use std::sync::{Arc, Mutex};

use tenfold_testkit::origin::Origin;

use super::{answered, near, refused};

fn json(status: &str, body: &str) -> Vec<u8> {
    let len = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// One series; `of` makes the number of the levels.
fn series(of: impl Fn(f64) -> f64) -> String {
    let levels = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 48.0, 64.0, 96.0];
    let values: Vec<String> = levels
        .iter()
        .enumerate()
        .map(|(at, n)| format!("[{},\"{}\"]", 1_700_000_000 + at * 15, of(*n)))
        .collect();
    // A time without load, and one at which the others have nothing.
    format!(
        "{{\"metric\":{{}},\"values\":[{},[1700001000,\"0\"],[170000200{},\"5\"]]}}",
        values.join(","),
        levels.len()
    )
}

fn throughput(n: f64) -> f64 {
    95.0 * n / (1.0 + 0.03 * (n - 1.0) + 0.0005 * n * (n - 1.0))
}

/// Knows the queries `rate`, `inflight`, `latency`, `two` and `none`; the rest is refused.
fn server(asked: Arc<Mutex<Vec<String>>>) -> Origin {
    Origin::answering(move |request| {
        let target = request
            .start_line()
            .split(' ')
            .nth(1)
            .unwrap_or_default()
            .to_owned();
        let query = target
            .split(['=', '&'])
            .nth(1)
            .unwrap_or_default()
            .to_owned();
        asked.lock().expect("no panic").push(target);
        let result = match query.as_str() {
            "rate" => series(throughput),
            "inflight" => series(|n| n),
            "latency" => series(|n| n / throughput(n)),
            "two" => format!("{0},{0}", series(|n| n)),
            "none" => String::new(),
            _ => {
                return json(
                    "400 Bad Request",
                    r#"{"status":"error","errorType":"bad_data","error":"parse error: unexpected end"}"#,
                );
            }
        };
        json(
            "200 OK",
            &format!(
                r#"{{"status":"success","data":{{"resultType":"matrix","result":[{result}]}}}}"#
            ),
        )
    })
}

#[test]
fn a_running_service_is_measured_too() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let server = server(Arc::clone(&asked));
    let url = format!("http://{}/prefix", server.name());
    let json = answered(&[
        "--prometheus",
        &url,
        "--throughput",
        "rate",
        "--concurrency",
        "inflight",
        "--latency",
        "latency",
        "--range",
        "2h",
        "--objective",
        "mean < 40ms",
    ]);
    let measured = &json["measurements"];
    assert_eq!(measured["levels"].as_array().map(Vec::len), Some(9));
    assert_eq!(measured["little"]["holds"], 9);
    near(&measured["curve"]["fit"]["alpha"]["value"], 0.03, 1e-6);
    assert!(
        measured["notes"][0]
            .as_str()
            .expect("a note")
            .starts_with("1 times are left out"),
        "{}",
        measured["notes"]
    );
    let asked = asked.lock().expect("no panic");
    assert_eq!(asked.len(), 3);
    assert!(
        asked[0].starts_with("/prefix/api/v1/query_range?query=rate&start=")
            && asked[0].ends_with("&step=30.000"),
        "{asked:?}"
    );
}

#[test]
fn queries_that_give_no_one_series_are_explained() {
    let server = server(Arc::default());
    let url = format!("http://{}", server.name());
    for (throughput, concurrency, why) in [
        (
            "two",
            "inflight",
            "the query for the throughput: it gives 2 series, and one is wanted: sum(…)",
        ),
        (
            "rate",
            "none",
            "the query for the concurrency: it gives nothing",
        ),
        (
            "sum(",
            "inflight",
            "Prometheus refuses: parse error: unexpected end",
        ),
    ] {
        let errors = refused(
            2,
            &[
                "--prometheus",
                &url,
                "--throughput",
                throughput,
                "--concurrency",
                concurrency,
            ],
        );
        assert!(errors.contains(why) && errors.contains(&url), "{errors}");
    }
    let steps = [
        "--prometheus",
        &url,
        "--throughput",
        "rate",
        "--concurrency",
        "inflight",
        "--range",
        "7d",
        "--step",
        "1s",
    ];
    assert!(refused(2, &steps).contains("604800 points"));
}

#[test]
fn what_is_no_prometheus_is_named() {
    let web = Origin::saying("hello");
    let url = format!("http://{}", web.name());
    let errors = refused(
        2,
        &[
            "--prometheus",
            &url,
            "--throughput",
            "a",
            "--concurrency",
            "b",
        ],
    );
    assert!(
        errors.contains("the answer is none of Prometheus"),
        "{errors}"
    );
    let nobody = format!("http://{}", crate::free_port());
    let errors = refused(
        2,
        &[
            "--prometheus",
            &nobody,
            "--throughput",
            "a",
            "--concurrency",
            "b",
        ],
    );
    assert!(errors.contains(&format!("cannot ask {nobody}")), "{errors}");
    let guarded = Origin::answering(|_| json("401 Unauthorized", "{}"));
    let url = format!("http://{}", guarded.name());
    let errors = refused(
        2,
        &[
            "--prometheus",
            &url,
            "--throughput",
            "a",
            "--concurrency",
            "b",
        ],
    );
    assert!(errors.contains("--prometheus-token"), "{errors}");
}
