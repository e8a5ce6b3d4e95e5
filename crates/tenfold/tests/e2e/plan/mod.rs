//! `tenfold plan` as a process: what it answers, what it refuses, and what it says of wrong input.

mod documented;
mod prometheus;
mod results;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The repository, where documented commands are run.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn plan(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenfold"));
    command
        .current_dir(root())
        .arg("plan")
        .args(arguments)
        .stdin(Stdio::null());
    command.output().expect("the binary can be started")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// The JSON of an answer.
fn answered(arguments: &[&str]) -> Value {
    let output = plan(&[arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// What stands on standard error, with this exit code.
fn refused(code: i32, arguments: &[&str]) -> String {
    let output = plan(arguments);
    let errors = stderr(&output);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{errors}{}",
        stdout(&output)
    );
    assert!(!errors.contains("panicked"), "{errors}");
    errors
}

/// A folder with a file in it.
fn file(name: &str, text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("written");
    (folder, path.to_str().expect("UTF-8").to_owned())
}

fn near(value: &Value, wanted: f64, digits: f64) {
    let value = value.as_f64().expect("a number");
    assert!((value - wanted).abs() <= digits, "{value} and not {wanted}");
}

/// One replica by hand: 2 ms of 2 cores, 1 MB of 1 GB, of which 200 MB are taken at rest.
const REPLICA: &[&str] = &[
    "--cpu",
    "2ms",
    "--cores",
    "2",
    "--memory",
    "1MB",
    "--memory-at-rest",
    "200MB",
    "--memory-limit",
    "1GB",
    "--response-time",
    "100ms",
];

#[test]
fn published_points_have_their_published_curve() {
    let json = answered(&["--points", "examples/plan/specsdm91.csv"]);
    let measured = &json["measurements"];
    let fit = &measured["curve"]["fit"];
    near(&fit["alpha"]["value"], 0.027_728_5, 1e-6);
    near(&fit["beta"]["value"], 0.000_104_4, 1e-7);
    near(&fit["gamma"]["value"], 89.995_233, 1e-3);
    near(&measured["curve"]["peak"]["concurrency"], 96.52, 0.01);
    assert_eq!(measured["curve"]["regime"]["regime"], "coherency");
    near(&measured["capacity"]["rate"], 1884.0, 1.0);
    assert!(json["refused"].is_null() && json.get("plan").is_none());
    let text = stdout(&plan(&["--points", "examples/plan/specsdm91.csv"]));
    assert!(
        text.contains("coherency: requests wait for each other"),
        "{text}"
    );
    assert!(
        text.contains("1884 requests/s with 96.52 under way"),
        "{text}"
    );
    assert!(text.contains("Give --today"), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 110),
        "{text}"
    );
}

#[test]
fn replicas_by_hand() {
    let arguments = [
        &[
            "--today",
            "400",
            "--factor",
            "10",
            "--replicas",
            "3",
            "--price",
            "0.05 EUR",
        ],
        REPLICA,
    ]
    .concat();
    let json = answered(&arguments);
    // 8,000 × 2 ms ÷ 1.6 cores = 10; 800 under way × 1 MB ÷ 600 MB = 1.3; one may fail.
    near(
        &json["plan"]["replicas"]["by_cpu"]["value"]["p50"],
        10.0,
        0.0,
    );
    near(
        &json["plan"]["replicas"]["by_memory"]["value"]["p50"],
        2.0,
        0.0,
    );
    near(
        &json["plan"]["replicas"]["total"]["value"]["p50"],
        11.0,
        0.0,
    );
    near(&json["plan"]["headroom_now"]["value"]["p50"], 4.0, 1e-9);
    near(&json["plan"]["cost_per_month"]["value"]["p50"], 401.5, 1e-9);
    // Ten replicas, 800 requests/s each, keep 1.6 of 2 cores busy.
    near(&json["cores"]["utilisation"], 0.8, 1e-9);
    near(&json["cores"]["waiting"], 0.711_111, 1e-6);
    let text = stdout(&plan(&arguments));
    assert!(
        text.contains("11 replicas for 4000 requests/s expected, 8000 planned for\n"),
        "{text}"
    );
    assert!(text.contains("first to run out          CPU"), "{text}");
    assert!(
        text.contains("whether responses stay fast enough"),
        "{text}"
    );
}

#[test]
fn rules_can_be_changed() {
    let rules = [
        "--today",
        "400",
        "--factor",
        "10",
        "--margin",
        "1",
        "--headroom",
        "0",
        "--spare",
        "0",
    ];
    let json = answered(&[&rules[..], REPLICA].concat());
    near(&json["plan"]["replicas"]["total"]["value"]["p50"], 4.0, 0.0);
}

#[test]
fn ranges_give_percentiles_and_changes_stand_beside() {
    let arguments = [
        &[
            "--today",
            "300..400",
            "--what-if",
            "cache=70%",
            "--what-if",
            "cache=60%..80%,query=60%/3",
            "--points",
            "examples/plan/shop.csv",
        ][..],
        &[
            "--objective",
            "mean < 40ms",
            "--cpu",
            "1.5..2.5ms",
            "--cores",
            "2",
        ],
    ]
    .concat();
    let json = answered(&arguments);
    let total = |plan: &Value| plan["replicas"]["total"]["value"].clone();
    let all = total(&json["plan"]);
    assert!(
        all["p5"].as_f64() < all["p50"].as_f64() && all["p50"].as_f64() < all["p95"].as_f64(),
        "{all}"
    );
    assert_eq!(
        total(&answered(&arguments)["plan"]),
        all,
        "the same draws each time"
    );
    let changes = json["changes"].as_array().expect("changes");
    assert_eq!(changes.len(), 2);
    assert!(
        changes
            .iter()
            .all(|one| total(&one["plan"])["p50"].as_f64() < all["p50"].as_f64()),
        "{changes:?}"
    );
    let text = stdout(&plan(&arguments));
    assert!(text.contains("  a cache that answers 70 %: "), "{text}");
    assert!(text.contains("p5 ") && text.contains("What if\n"), "{text}");
}

#[test]
fn an_objective_of_a_percentile_takes_its_measurement() {
    let (_folder, points) = file(
        "p95.csv",
        "concurrency,throughput,latency\n1,10,0.1\n2,20,0.1\n4,38,0.12\n8,70,0.2\n16,90,0.6\n32,80,2\n",
    );
    let with = |more: &[&'static str]| {
        [&["--points", &points, "--objective", "p95 < 400ms"], more].concat()
    };
    let json = answered(&with(&["--latency-is", "p95"]));
    // Evenly between 200 ms and 600 ms.
    near(&json["measurements"]["capacity"]["rate"], 80.0, 1e-9);
    assert_eq!(json["measurements"]["capacity_from"], "points");
    // As means they are none.
    let errors = refused(1, &with(&[]));
    assert!(
        errors.contains("Little's law is broken at 4 of 6 points")
            && errors.contains("--latency-is"),
        "{errors}"
    );
    // Of means nothing follows for a percentile, unless someone says how long the tail is.
    let errors = refused(
        1,
        &[
            "--points",
            "examples/plan/shop.csv",
            "--objective",
            "p95 < 400ms",
        ],
    );
    assert!(
        errors.contains("--ratio") && errors.contains("--latency-is p95"),
        "{errors}"
    );
    let errors = refused(2, &with(&["--latency-is", "p99"]));
    assert!(
        errors.contains("the latency is p99, and the objective speaks of p95"),
        "{errors}"
    );
}

#[test]
fn a_curve_and_a_ratio_bear_a_percentile() {
    let with = |ratio: &'static str| {
        [
            "--points",
            "examples/plan/shop.csv",
            "--objective",
            "p95 < 60ms",
            "--ratio",
            ratio,
        ]
    };
    let rate = |ratio| {
        answered(&with(ratio))["measurements"]["capacity"]["rate"]
            .as_f64()
            .expect("a number")
    };
    assert!(
        rate("2") > rate("exponential"),
        "exponential is three times the mean"
    );
    assert_eq!(
        answered(&with("2"))["measurements"]["capacity_from"],
        "curve"
    );
}

#[test]
fn what_the_points_do_not_bear_is_refused() {
    let cases: &[(&str, &[&str], &str)] = &[
        (
            "concurrency,throughput\n1,10\n2,19\n4,35\n",
            &[],
            "measure at six or more",
        ),
        (
            "concurrency,throughput\n8,10\n8,19\n8,35\n8,11\n8,12\n8,13\n",
            &[],
            "all points have a concurrency of 8",
        ),
        (
            "concurrency,throughput\n1,100\n2,5\n4,300\n8,2\n16,500\n32,1\n64,900\n",
            &[],
            "do not follow it",
        ),
        (
            "concurrency,throughput\n1,95\n2,184\n4,345\n8,609\n12,800\n16,955\n",
            &[],
            "no point lies beyond the knee",
        ),
        (
            "concurrency,throughput,latency\n1,100,0.01\n2,200,0.01\n4,400,0.01\n",
            &["--objective", "mean < 1s"],
            "raise the load until the objective breaks",
        ),
        (
            "concurrency,throughput,latency\n1,10,0.1\n2,20,0.1\n4,38,0.105\n",
            &["--objective", "mean < 50ms"],
            "no load is low enough",
        ),
        // Milliseconds in a column of seconds.
        (
            "concurrency,throughput,latency\n1,95,10.5\n2,184,10.9\n4,345,11.6\n8,609,13.1\n16,955,16.8\n32,1243,25.7\n",
            &["--objective", "mean < 1s"],
            "the response time seems to be in milliseconds",
        ),
    ];
    for (text, more, why) in cases {
        let (_folder, points) = file("points.csv", text);
        // A plan is refused with the rest, even if CPU is known.
        for more in [
            more.to_vec(),
            [
                more,
                &["--today", "100", "--cpu", "1ms", "--cores", "4"][..],
            ]
            .concat(),
        ] {
            let arguments = [&["--points", &points], &more[..]].concat();
            let code = if why.contains("milliseconds") { 2 } else { 1 };
            let errors = refused(code, &arguments);
            assert!(errors.contains(why), "{errors}");
        }
    }
}

#[test]
fn a_refusal_still_says_what_is_known() {
    let (_folder, points) = file("few.csv", "concurrency,throughput\n1,10\n2,19\n4,35\n");
    let output = plan(&["--points", &points, "--today", "10", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(
        json["refused"]
            .as_str()
            .expect("said")
            .contains("six or more"),
        "{json}"
    );
    assert_eq!(
        json["measurements"]["levels"].as_array().map(Vec::len),
        Some(3)
    );
    assert!(json.get("plan").is_none());
}

#[test]
fn a_point_that_cannot_be_is_left_out() {
    let text = std::fs::read_to_string(root().join("examples/plan/shop.csv")).expect("there");
    let (_folder, points) = file("points.csv", &(text + "128,900,0.09\n"));
    let json = answered(&["--points", &points, "--objective", "mean < 40ms"]);
    assert_eq!(json["measurements"]["little"]["broken"], 1);
    assert_eq!(json["measurements"]["left_out"][0]["concurrency"], 128.0);
    let output = plan(&["--points", &points, "--objective", "mean < 40ms"]);
    assert!(
        stdout(&output).contains("point 12 is left out"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn wrong_files_are_named_with_line_and_column() {
    for (text, why) in [
        ("", "there are no points"),
        ("concurrency\n1\n", "the column \"throughput\" is missing"),
        ("users,throughput\n1,2\n", "there is no column \"users\""),
        ("1,2\n3,4\n", "the names of the columns are missing"),
        ("concurrency;throughput\n1;2\n", "separated by commas"),
        (
            "concurrency,throughput\n1,64.9\n18,many\n",
            "line 3, column 2: the throughput is \"many\"",
        ),
        (
            "concurrency,throughput\n1,64.9\n\n18,-5\n",
            "line 4, column 2: the throughput is negative",
        ),
        (
            "concurrency,throughput\n1,64.9,3\n",
            "line 2, column 3: the line has 3 columns",
        ),
        ("concurrency,throughput\n1,NaN\n", "line 2, column 2"),
    ] {
        let (_folder, points) = file("points.csv", text);
        let errors = refused(2, &["--points", &points]);
        assert!(
            errors.contains(&format!("{points}: ")) && errors.contains(why),
            "{errors}"
        );
        assert!(errors.contains("docs/capacity.md"), "{errors}");
    }
    let errors = refused(2, &["--points", "/nowhere/points.csv"]);
    assert!(
        errors.contains("cannot read /nowhere/points.csv"),
        "{errors}"
    );
}

#[test]
fn wrong_arguments_are_explained() {
    let points = "examples/plan/shop.csv";
    let cases: &[(&[&str], &str)] = &[
        (&["--today", "many"], "give a rate per second"),
        (&["--today", "400..300"], "begins above its end"),
        (
            &["--points", points, "--objective", "p95 > 3ms"],
            "p95 < 300ms",
        ),
        (
            &["--points", points, "--objective", "p95 < 300"],
            "has no unit",
        ),
        (
            &["--points", points, "--results", "x.json"],
            "cannot be used with",
        ),
        (&["--today", "100", "--cpu", "2ms"], "--cores"),
        (&["--today", "100", "--memory", "2MB"], "--memory-limit"),
        (
            &["--today", "100", "--cpu", "3@100", "--cores", "2"],
            "at most the number of cores",
        ),
        (
            &[
                "--today",
                "100",
                "--cpu",
                "1ms",
                "--cores",
                "2",
                "--headroom",
                "100%",
            ],
            "headroom",
        ),
        (
            &["--today", "0", "--cpu", "1ms", "--cores", "2"],
            "today's peak rate is 0",
        ),
        (
            &[
                "--today",
                "100",
                "--cpu",
                "1ms",
                "--cores",
                "2",
                "--what-if",
                "disk=2",
            ],
            "a change is cache=70%",
        ),
        (
            &["--cpu", "1ms", "--cores", "2"],
            "neither a measurement nor today's peak",
        ),
        (
            &[
                "--points", points, "--today", "10", "--cpu", "20ms", "--cores", "1",
            ],
            "cores busy",
        ),
        (&["--prometheus", "http://127.0.0.1:1"], "--throughput"),
        (
            &[
                "--prometheus",
                "https://a",
                "--throughput",
                "x",
                "--concurrency",
                "y",
            ],
            "only plain HTTP",
        ),
    ];
    for (arguments, why) in cases {
        let errors = refused(2, arguments);
        assert!(errors.contains(why), "{arguments:?}: {errors}");
    }
    // Nothing at all is a question for help.
    assert!(refused(2, &[]).contains("Usage: tenfold plan"));
    // Numbers are right, and say too little.
    let errors = refused(1, &["--today", "100"]);
    assert!(
        errors.contains("nothing says what a replica takes"),
        "{errors}"
    );
}

#[test]
fn the_page_needs_nothing_else() {
    let (folder, points) = file(
        "<b>&\"shop\".csv",
        &std::fs::read_to_string(root().join("examples/plan/shop.csv")).expect("there"),
    );
    let page = folder.path().join("plan.html");
    let page_name = page.to_str().expect("UTF-8");
    let output = plan(
        &[
            &[
                "--points",
                &points,
                "--objective",
                "mean < 40ms",
                "--today",
                "300..400",
                "--what-if",
                "cache=70%",
                "--html",
                page_name,
            ][..],
            &["--cpu", "1.4@955", "--cores", "2"],
        ]
        .concat(),
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let html = std::fs::read_to_string(&page).expect("written");
    for part in [
        "prefers-color-scheme: dark",
        "class=\"band\"",
        "class=\"fit\"",
        "peak 1",
        "within the objective",
        "mean &lt; 40 ms",
        "What if",
        "</html>",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert_eq!(html.matches("<svg").count(), 2);
    assert_eq!(
        html.matches("class=\"point\"").count(),
        22,
        "eleven in each plot"
    );
    for part in [
        "<script", "src=", "http:", "https:", "@import", "url(", "<b>&\"", "NaN", "inf\"",
    ] {
        assert!(!html.contains(part), "{part}");
    }
    let refused = plan(&[
        "--points",
        "examples/plan/shop.csv",
        "--objective",
        "mean < 1ms",
        "--html",
        page_name,
    ]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        std::fs::read_to_string(&page)
            .expect("written")
            .contains("<b>No answer:</b>")
    );
    let errors = self::refused(
        2,
        &[
            "--points",
            "examples/plan/shop.csv",
            "--html",
            "/nowhere/plan.html",
        ],
    );
    assert!(
        errors.contains("cannot write /nowhere/plan.html"),
        "{errors}"
    );
}
