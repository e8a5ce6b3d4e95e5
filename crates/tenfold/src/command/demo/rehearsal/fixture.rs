//! A rehearsal as it might have been.

use std::time::Duration;

use tenfold_load::results::{ErrorKind, Histogram};

use super::measured::*;
use super::mix::Mix;
use super::plan::{NIGHT, Step};
use super::promise::{Evidence, promises};

/// Everything went well after it had gone badly.
pub(crate) fn rehearsal() -> Rehearsal {
    let stages = vec![before(), alone(), tuned()];
    let mut rehearsal = Rehearsal {
        format: FORMAT,
        version: "0.1.0".into(),
        started: 1_763_740_800.0,
        seconds: 251.3,
        is_quick: false,
        machine: Machine {
            host: "shop-1".into(),
            system: "Linux 6.1".into(),
            processor: "A processor with a <name>".into(),
            cores: 2,
        },
        settings: Settings {
            objective_ms: 250.0,
            calibrated_page_views_per_second: 84.0,
            calibrated_within_objective: true,
            normal_share: 0.33,
            normal_page_views_per_second: 27.7,
            factor: 10.0,
            products: 10_000,
            think_times_divided_by: 20.0,
            grace_seconds: 5.0,
            shops: 3,
        },
        stages,
        night: night(),
        books: Books {
            is_balanced: true,
            said: serde_json::json!({
                "balanced": true,
                "orders": 100_412,
                "rules": [
                    {"name": "stock", "rule": "available + sold = received", "checked": 10_000, "broken": 0},
                    {"name": "payments", "rule": "each order is paid once", "checked": 100_412, "broken": 0},
                ],
            }),
        },
        next: Next {
            today_requests_per_second: 340.0,
            factor: 10.0,
            cpu_ms_per_request: 1.2,
            plan: None,
            refused: Vec::new(),
            curve: None,
        },
        promises: Vec::new(),
        load_files: vec![MixFile {
            mix: Mix::Shopping,
            text: "name = \"shopping\"\n".into(),
        }],
    };
    rehearsal.next = super::next::next(&rehearsal.stages[2]);
    rehearsal.promises = promises(Evidence {
        before: &rehearsal.stages[0],
        tuned: &rehearsal.stages[2],
        night: &rehearsal.night,
        books: &rehearsal.books,
    });
    rehearsal
}

fn before() -> StageResult {
    StageResult {
        setup: Setup::Before,
        normal: run(Mix::Browsing, 27.7, (31.0, 92.0), 0),
        peak: Run {
            page_views_per_second: 61.0,
            page_views: 1220,
            errors: vec![Failed {
                kind: ErrorKind::Timeout,
                what: "no answer within 10 s".into(),
                step: "home / home".into(),
                count: 900,
            }],
            ..run(Mix::Shopping, 277.0, (4100.0, 9800.0), 940)
        },
        capacity: capacity(84.0),
        warmed: None,
    }
}

fn alone() -> StageResult {
    let with = |run: Run| Run {
        gateway: Some(GatewayUse {
            requests: 5000,
            attempts: 3100,
            hit: 1900,
            miss: 1200,
            bypass: 900,
            ..GatewayUse::default()
        }),
        ..run
    };
    StageResult {
        setup: Setup::Alone,
        normal: with(run(Mix::Browsing, 27.7, (18.0, 61.0), 0)),
        peak: with(Run {
            page_views_per_second: 131.0,
            page_views: 2620,
            ..run(Mix::Shopping, 277.0, (1900.0, 4200.0), 12)
        }),
        capacity: capacity(131.0),
        warmed: None,
    }
}

fn tuned() -> StageResult {
    let with = |run: Run| Run {
        gateway: Some(GatewayUse {
            requests: 6600,
            attempts: 1500,
            hit: 5000,
            collapsed: 4,
            miss: 120,
            ..GatewayUse::default()
        }),
        ..run
    };
    StageResult {
        setup: Setup::Tuned,
        normal: with(run(Mix::Browsing, 27.7, (0.6, 7.1), 0)),
        peak: with(run(Mix::Shopping, 277.0, (1.1, 31.0), 0)),
        capacity: capacity(1240.0),
        warmed: Some(Warmed {
            pages: 10_000,
            failed: 0,
            seconds: 8.2,
        }),
    }
}

fn night() -> Night {
    let mut run = run(Mix::Shopping, 277.0, (1.4, 88.0), 0);
    run.gateway = tuned().peak.gateway;
    let event = |Step { at: share, act, .. }: Step| Event {
        at: run.warm_up_seconds + share * run.seconds,
        act,
        what: format!("shop: {}", act.mark()),
    };
    Night {
        events: NIGHT.iter().map(|one| event(*one)).collect(),
        price: PriceChange {
            product: 3,
            new: "87.65".into(),
            saving_ms: 14.0,
            looks: 690,
            failed: 0,
            old: 1,
            visible_after_ms: Some(41.0),
            went_back: false,
        },
        seconds_beyond_objective: 2.0,
        run,
    }
}

fn capacity(most: f64) -> Capacity {
    let level = |visitors: u32| {
        let n = f64::from(visitors);
        let rate = most * 1.2 * n / (n + 4.0);
        Level {
            visitors,
            page_views_per_second: rate,
            requests_per_second: rate * 1.2,
            under_way: n,
            mean_ms: Some(n / rate / 1.2 * 1e3),
            p95_ms: Some(n / rate / 1.2 * 2.4e3),
            failed: 0.0,
        }
    };
    Capacity {
        levels: [1, 2, 4, 8, 16, 32, 64].map(level).into(),
        page_views_per_second: Some(most),
        may_be_more: false,
        doubts: Vec::new(),
    }
}

fn run(mix: Mix, rate: f64, (p50, p95): (f64, f64), failed: u64) -> Run {
    let (warm_up, seconds) = (3.0, 20.0);
    let requests = (rate * seconds * 1.2) as u64;
    let mut latency = Histogram::default();
    latency.record(Duration::from_secs_f64(p50 / 1e3));
    let second = |at: u32| {
        let wave = 1.0 + 0.3 * f64::from(at * 7 % 5);
        Second {
            at: f64::from(at),
            seconds: 1.0,
            requests: (rate * 1.2 * wave / 1.6) as u64,
            failed: failed / 20,
            p50_ms: Some(p50 * wave),
            p95_ms: Some(p95 * wave),
            p99_ms: Some(p95 * wave * 1.7),
        }
    };
    Run {
        mix,
        seconds,
        wanted_page_views_per_second: rate,
        offered: 1.0,
        page_views_per_second: rate,
        page_views: (rate * seconds) as u64,
        requests,
        failed,
        failed_idempotent: failed,
        p50_ms: Some(p50),
        p95_ms: Some(p95),
        p99_ms: Some(p95 * 1.7),
        errors: Vec::new(),
        cpu: CpuUse {
            shops: 9.0,
            gateway: 1.1,
            postgres: 6.0,
            generator: 1.2,
            seconds: warm_up + seconds,
            requests: requests + 300,
            cores: 2,
        },
        gateway: None,
        generator: GeneratorUse {
            late_p99_ms: Some(0.4),
            busy: 0.06,
            doubts: Vec::new(),
        },
        series: (0..23).map(second).collect(),
        warm_up_seconds: warm_up,
        latency,
    }
}
